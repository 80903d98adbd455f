"""Small programs of our own that the service is measured against."""
