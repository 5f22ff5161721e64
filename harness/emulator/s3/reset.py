"""What a reset does to buckets, except those that deployments use."""

from harness.emulator.controls.emptying import ARTIFACTS, empties, of_account, provider_of


def install() -> None:
    empties("s3", _empty_buckets)


def _empty_buckets(account_id: str | None) -> None:
    from localstack.services.s3.models import s3_stores

    storage = provider_of("s3")._storage_backend
    seen = set()
    for _, _, store in of_account(s3_stores, account_id):
        for bucket in list(store.buckets.values()):  # one mapping for all regions
            if bucket.name.startswith(ARTIFACTS) or bucket.name in seen:
                continue
            seen.add(bucket.name)
            for upload in list(bucket.multiparts.values()):
                storage.remove_multipart(bucket.name, upload)
            bucket.multiparts.clear()
            storage.remove(bucket.name, [o for o in bucket.objects.values(with_versions=True) if hasattr(o, "etag")])
            bucket.objects._store.clear()
