"""The Secure Remote Password protocol (SRP-6a) as Cognito speaks it: the server's side, and nothing of Cognito's state.

The group is the 3072-bit one of RFC 5054 with generator 2 and SHA-256; numbers are hashed in two's complement, most
significant byte first. The shared secret passes HKDF with the info `Caldera Derived Key`, and its first 16 bytes sign
pool name, user id, secret block and timestamp.
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow.html
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

# RFC 3526, group 15; RFC 5054 takes it over with another generator, Cognito with 2.
N = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B"
    "302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE6"
    "49286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D"
    "670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7D"
    "B3970F85A6E1E4C7ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G = 2
_INFO = b"Caldera Derived Key"


def padded(number: int) -> bytes:
    """A non-negative number in two's complement: with a zero byte in front where its highest bit is set."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _hash(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


K = _hash(padded(N), padded(G))


@dataclass(frozen=True)
class Challenge:
    """What the server keeps between the two messages of a sign-in."""

    large_a: int
    salt: int
    verifier: int
    small_b: int
    secret_block: bytes

    @property
    def large_b(self) -> int:
        return (K * self.verifier + pow(G, self.small_b, N)) % N

    def to_parameters(self) -> dict[str, str]:
        return {
            "SALT": f"{self.salt:x}",
            "SRP_B": f"{self.large_b:x}",
            "SECRET_BLOCK": base64.b64encode(self.secret_block).decode(),
        }


def challenge(pool_name: str, user_id: str, password: str, large_a: int, salt: int) -> Challenge:
    """Answer the client's first message.

    `pool_name` is the pool's id after the underscore, `user_id` is `USER_ID_FOR_SRP`, `salt` has up to 128 bits. Raises
    ValueError where `large_a` would let a client in that does not know the password.
    """
    if large_a % N == 0:
        raise ValueError("SRP_A must not be a multiple of N")
    inner = hashlib.sha256(f"{pool_name}{user_id}:{password}".encode()).digest()
    verifier = pow(G, _hash(padded(salt), inner), N)
    return Challenge(large_a, salt, verifier, secrets.randbits(256) or 1, secrets.token_bytes(512))


def signature(made: Challenge, pool_name: str, user_id: str, timestamp: str) -> str:
    """`PASSWORD_CLAIM_SIGNATURE` that a client who knows the password answers, in Base64."""
    u = _hash(padded(made.large_a), padded(made.large_b))
    shared = pow(made.large_a * pow(made.verifier, u, N), made.small_b, N)
    extracted = hmac.new(padded(u), padded(shared), hashlib.sha256).digest()
    key = hmac.new(extracted, _INFO + b"\x01", hashlib.sha256).digest()[:16]
    message = pool_name.encode() + user_id.encode() + made.secret_block + timestamp.encode()
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def verifies(made: Challenge, pool_name: str, user_id: str, timestamp: str, claimed: str) -> bool:
    return hmac.compare_digest(signature(made, pool_name, user_id, timestamp).encode(), claimed.encode())
