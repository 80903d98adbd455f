"""Keys that sign heads of the trail: retired ones still verify, foreign ones never do."""

import os

from adapters.security.head_keys import HeadKeys, PublishedKeys, thumbprint
from adapters.security.master_key import MasterKey


def keys() -> HeadKeys:
    return HeadKeys(MasterKey(b"m" * 32).derive)


def test_signatures_of_every_generation_verify_in_every_process() -> None:
    signed = [keys().sign(generation, b"head") for generation in (1, 2, 7)]
    assert len({kid for kid, _ in signed}) == 3
    for kid, signature in signed:
        assert keys().verify(kid, b"head", signature)
        assert not keys().verify(kid, b"other", signature)
        assert len(keys().public(kid) or b"") == 32
    assert keys().kid(7) == signed[2][0]


def test_foreign_and_unknown_keys_do_not_verify() -> None:
    kid, signature = HeadKeys(MasterKey(os.urandom(32)).derive).sign(1, b"head")
    own = keys().kid(1)
    assert not keys().verify(kid, b"head", signature)
    assert not keys().verify(own, b"head", signature)
    assert not keys().verify(own, b"head", b"short")
    assert keys().public(kid) is None


def test_published_keys_verify_by_their_thumbprint_only() -> None:
    kid, signature = keys().sign(1, b"head")
    public = keys().public(kid)
    assert public is not None
    assert PublishedKeys({kid: public}).verify(kid, b"head", signature)
    assert PublishedKeys({kid: public}, frozenset({kid})).public(kid) == public
    assert not PublishedKeys({kid: public}, frozenset({"other"})).verify(kid, b"head", signature)
    assert not PublishedKeys({"claimed": public}).verify("claimed", b"head", signature)
    assert not PublishedKeys({kid: b"short"}).verify(kid, b"head", signature)


def test_the_id_is_the_thumbprint_of_rfc_7638() -> None:
    """The example of RFC 8037, appendix A.3."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from joserfc.util import urlsafe_b64decode

    raw = urlsafe_b64decode(b"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    assert thumbprint(Ed25519PublicKey.from_public_bytes(raw)) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
