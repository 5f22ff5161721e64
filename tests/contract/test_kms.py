"""KMS: which key a ciphertext is of.

https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html
"""

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def key(aws):
    def make():
        return aws("kms").create_key()["KeyMetadata"]["Arn"]

    return make


def test_re_encrypt_finds_the_source_key_in_the_ciphertext(aws, key):
    kms, source, destination = aws("kms"), key(), key()
    sealed = kms.encrypt(KeyId=source, Plaintext=b"secret")["CiphertextBlob"]
    again = kms.re_encrypt(CiphertextBlob=sealed, DestinationKeyId=destination)
    assert (again["SourceKeyId"], again["KeyId"]) == (source, destination)
    opened = kms.decrypt(CiphertextBlob=again["CiphertextBlob"])
    assert (opened["Plaintext"], opened["KeyId"]) == (b"secret", destination)


def test_re_encrypt_of_no_ciphertext_is_refused(aws, key):
    with pytest.raises(ClientError) as refused:
        aws("kms").re_encrypt(CiphertextBlob=b"nothing of KMS", DestinationKeyId=key())
    assert refused.value.response["Error"]["Code"] == "InvalidCiphertextException"
