"""What a reset does to user pools."""

from harness.emulator.controls.emptying import empties


def install() -> None:
    empties("cognito-idp", _empty_user_pools)


def _empty_user_pools(account_id: str | None) -> None:
    from harness.emulator.cognito.user_pool import all_pools

    for pool in all_pools():
        if account_id in (None, pool.arn.split(":")[4]):
            pool.moto.users.clear()
            pool.state.users.clear()
            pool.state.grants.clear()
            for group in pool.moto.groups.values():
                group.users.clear()
