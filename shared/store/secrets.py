"""Grants, encrypted: the only place where a token stands, and only as ciphertext.

`GrantVault.seal` and `.open` use the AWS Encryption SDK with a KMS key. The encryption context is the connection's id,
so a ciphertext moved to another connection's row does not open. Data keys are cached for at most five minutes and a
hundred uses, so that a warm function asks KMS once per connection and cache life.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

import aws_encryption_sdk
import botocore.session
from aws_encryption_sdk import CachingCryptoMaterialsManager, CommitmentPolicy, LocalCryptoMaterialsCache
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError
from aws_encryption_sdk.key_providers.kms import StrictAwsKmsMasterKeyProvider
from cryptography.exceptions import InvalidSignature

from shared.errors import RetryLater

CACHE_SECONDS: Final = 300.0
CACHE_USES: Final = 100
CACHE_ENTRIES: Final = 200

DAMAGED: Final = ("", "InvalidCiphertextException", "IncorrectKeyException", "InvalidKeyUsageException")
"""What KMS says (or does not) when the ciphertext itself is at fault (Decrypt reference)."""


class GrantUnreadable(Exception):
    """The ciphertext does not open under this connection's id: moved, damaged, or of a key that is gone."""


class GrantVault:
    """Seals and opens the secret parts of connections."""

    def __init__(self, key_arn: str, session: botocore.session.Session | None = None) -> None:
        self._key_arn = key_arn
        self._session = session or botocore.session.Session()
        self._session.register("after-call.kms", self._note)  # type: ignore[arg-type]
        self._answer = threading.local()
        self._client = aws_encryption_sdk.EncryptionSDKClient(
            commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT, max_encrypted_data_keys=1
        )
        self._materials: CachingCryptoMaterialsManager | None = None
        self._lock = threading.Lock()

    def seal(self, connection_id: str, secret: bytes) -> bytes:
        ciphertext, _ = self._client.encrypt(
            source=secret,
            materials_manager=self._manager(),
            encryption_context={"connection_id": connection_id},
        )
        return bytes(ciphertext)

    def open(self, connection_id: str, ciphertext: bytes) -> bytes:
        """The secret. Raises `GrantUnreadable`, and `RetryLater` when KMS refuses: that says nothing of the grant."""
        self._answer.code = ""
        try:
            secret, header = self._client.decrypt(source=ciphertext, materials_manager=self._manager())
        except (AWSEncryptionSDKClientError, InvalidSignature, ValueError) as error:
            if self._answer.code not in DAMAGED:
                raise RetryLater("The key service asks for a pause.", delay=10, code="key_service") from error
            raise GrantUnreadable("the stored grant cannot be decrypted") from error
        if header.encryption_context.get("connection_id") != connection_id:
            raise GrantUnreadable("the stored grant belongs to another connection")
        return bytes(secret)

    def _note(self, *, parsed: Mapping[str, Any], **_: Any) -> None:
        """Keep what KMS said: the SDK's own error no longer tells a refusal from a damaged ciphertext."""
        self._answer.code = parsed.get("Error", {}).get("Code", "")

    def _manager(self) -> CachingCryptoMaterialsManager:
        with self._lock:
            if self._materials is None:
                self._materials = CachingCryptoMaterialsManager(
                    master_key_provider=StrictAwsKmsMasterKeyProvider(
                        key_ids=[self._key_arn], botocore_session=self._session
                    ),
                    cache=LocalCryptoMaterialsCache(CACHE_ENTRIES),
                    max_age=CACHE_SECONDS,
                    max_messages_encrypted=CACHE_USES,
                )
            return self._materials
