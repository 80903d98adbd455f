"""The rules of knowledge: collections, documents, retrieval, answers."""
