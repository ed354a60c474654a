"""API keys: whom they act for, when they work, and that nothing of them is kept."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from photoplay.api.authentication.api_keys import ApiKeys
from photoplay.domain.api_key import KeyScope, KeyText
from photoplay.domain.errors import UnauthenticatedError
from photoplay.operations.create_key import NewKey, create_key
from photoplay.operations.revoke_key import revoke_key
from tests.api.serving import Person, Server, ago, encoded, noise, refused, with_identity
from tests.conftest import until

pytestmark = pytest.mark.asyncio(loop_scope="session")
KEYS, QUOTA, JOBS = "/api/admin/keys", "/api/video/quota", "/api/video/jobs"


@pytest.fixture
async def admin(jwt_server: Server) -> Person:
    """An operator's server, with a key of scope admin."""
    return await jwt_server.key_holder()


async def made(admin: Person, **body: object) -> dict[str, object]:
    answer = await admin.post(KEYS, json={"name": "a key", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def holder(server: Server, key: object, user: UUID | None = None) -> Person:
    return Person(server, user or uuid4(), {"Authorization": f"Bearer {key}"})


async def test_a_key_acts_for_its_user_and_for_nobody_else(jwt_server, admin, alice):
    job_id = await alice.new_job()
    key = await made(admin, userId=str(alice.id))
    assert (key["scope"], key["userId"]) == ("jobs", str(alice.id))
    server_of_alice = holder(jwt_server, key["key"], alice.id)
    assert (await server_of_alice.job(job_id))["user_id"] == str(alice.id)
    assert (await server_of_alice.job(await server_of_alice.new_job()))["user_id"] == str(alice.id)
    of_bob = await jwt_server.key_holder(uuid4())
    refused(await of_bob.get(f"{JOBS}/{job_id}"), 404, "job_not_found")


async def test_a_key_is_shown_once_and_kept_as_a_hash(jwt_server, admin):
    key = await made(admin, userId=str(uuid4()))
    text = KeyText.parse(str(key["key"]))
    assert text is not None
    listed = await admin.get(KEYS, params={"user": key["userId"]})
    (shown,) = listed.json()["data"]["items"]
    assert shown == {name: value for name, value in key.items() if name != "key"}
    rows = jwt_server.rows("select k::text, k.secret_hash from photoplay.api_keys k")
    assert all(text.secret not in row and text.secret not in str(hash_) for row, hash_ in rows)
    audit = jwt_server.rows("select a::text from photoplay.audit a")
    assert all(text.secret not in row for (row,) in audit)
    assert text.secret not in repr(text)


async def test_what_is_no_working_key_is_refused_with_one_answer(jwt_server, admin):
    key = await made(admin, userId=str(uuid4()))
    expired = await made(admin, userId=str(uuid4()), expiresAt=ago(1).isoformat())
    revoked = await made(admin, userId=str(uuid4()))
    await admin.post(f"{KEYS}/{revoked['id']}/revoke")
    good, other = str(key["key"]), str((await made(admin, userId=str(uuid4())))["key"])
    secret = good[16:]
    answers = []
    for text in (
        f"{other[:16]}{secret}",
        f"pp_{'0' * 12}_{secret}",
        good[:-1],
        good + "A",
        "pp_",
        expired["key"],
        revoked["key"],
    ):
        answer = await holder(jwt_server, text).get(QUOTA)
        body = refused(answer, 401, "unauthenticated")
        answers.append((body["detail"], answer.headers["www-authenticate"]))
    assert len(set(answers)) == 1
    assert (await holder(jwt_server, good).get(QUOTA)).status_code == 200


async def test_a_number_is_no_time_of_expiry(admin):
    for value in (0, 4102444800, "4102444800x", "2100-01-01T00:00:00"):
        answer = await admin.post(
            KEYS, json={"name": "k", "userId": str(uuid4()), "expiresAt": value}
        )
        assert "expiresAt" in refused(answer, 422, "unprocessable")["detail"]


async def test_a_revoked_key_is_refused_at_once(jwt_server, admin):
    key = await made(admin, userId=str(uuid4()))
    person = holder(jwt_server, key["key"])
    assert (await person.get(QUOTA)).status_code == 200
    first = (await admin.post(f"{KEYS}/{key['id']}/revoke")).json()["data"]
    refused(await person.get(QUOTA), 401, "unauthenticated")
    again = await admin.post(f"{KEYS}/{key['id']}/revoke")
    assert again.json()["data"]["revokedAt"] == first["revokedAt"] is not None
    refused(await admin.post(f"{KEYS}/{uuid4()}/revoke"), 404, "key_not_found")


async def test_a_key_that_another_process_revoked_works_no_longer_than_a_second(jwt_server):
    database, now = jwt_server.app.state.service.database, [0.0]
    keys = ApiKeys(database, clock=lambda: now[0])
    key, row = await create_key(database, NewKey("k", KeyScope.ADMIN), actor="tests")
    assert (await keys.verify(str(key))).is_admin
    await revoke_key(database, row["id"], actor="tests")
    assert (await keys.verify(str(key))).is_admin, "not looked up again within the second"
    now[0] = 1.0
    with pytest.raises(UnauthenticatedError):
        await keys.verify(str(key))
    await keys.close()


async def test_the_last_use_is_written_at_most_once_a_minute(jwt_server, admin):
    key = await made(admin, userId=str(uuid4()))
    person = holder(jwt_server, key["key"])

    def last_use() -> object:
        return jwt_server.rows(
            "select last_used_at from photoplay.api_keys where id = %s", key["id"]
        )[0][0]

    def used(seconds_ago: float) -> object:
        jwt_server.owner.execute(
            "update photoplay.api_keys set last_used_at = now() - %s where id = %s",
            (timedelta(seconds=seconds_ago), key["id"]),
        )
        jwt_server.app.state.service.authenticator.keys.forget()
        return last_use()

    assert last_use() is None
    await person.get(QUOTA)
    assert await until(last_use)
    recent = used(seconds_ago=50)
    await person.get(QUOTA)
    # What would be written is, before the next one; nothing was.
    await jwt_server.app.state.service.authenticator.keys.close()
    assert last_use() == recent
    old = used(seconds_ago=70)
    await person.get(QUOTA)
    assert await until(lambda: last_use() > old)


async def test_a_key_of_scope_jobs_needs_a_user_and_one_of_scope_admin_has_none(admin):
    for body in ({"scope": "jobs"}, {"scope": "admin", "userId": str(uuid4())}):
        answer = await admin.post(KEYS, json={"name": "x", **body})
        assert "userId" in refused(answer, 422, "unprocessable")["detail"]
    for body in ({}, {"name": ""}, {"name": "x" * 101}, {"name": "x", "scope": "root"}, {"x": 1}):
        refused(await admin.post(KEYS, json=body), 422, "unprocessable")


async def test_keys_are_listed_newest_first_in_pages(jwt_server, admin):
    user = str(uuid4())
    keys = [(await made(admin, userId=user, name=f"{n}"))["id"] for n in range(3)]
    first = (await admin.get(KEYS, params={"user": user, "limit": 2})).json()["data"]
    assert [key["id"] for key in first["items"]] == [keys[2], keys[1]]
    rest = await admin.get(KEYS, params={"user": user, "cursor": first["next_cursor"]})
    assert [key["id"] for key in rest.json()["data"]["items"]] == [keys[0]]
    assert rest.json()["data"]["next_cursor"] is None


class TestOnBehalfOf:
    async def test_an_operators_key_acts_for_the_user_that_it_names(self, admin, alice):
        job_id = await alice.new_job()
        acting = {"X-On-Behalf-Of": str(alice.id)}
        answer = await admin.get(f"{JOBS}/{job_id}", headers=acting)
        assert answer.json()["data"]["user_id"] == str(alice.id)
        refused(
            await admin.get(f"{JOBS}/{job_id}", headers={"X-On-Behalf-Of": str(uuid4())}),
            404,
            "job_not_found",
        )
        image = await admin.post("/api/video/images", content=encoded(noise()), headers=acting)
        made_for = await admin.animate(acting, imageId=image.json()["data"]["imageId"])
        assert (await alice.job(made_for.json()["data"]["jobId"]))["user_id"] == str(alice.id)

    async def test_without_a_name_it_is_told_so(self, admin):
        refused(await admin.get(QUOTA), 400, "on_behalf_of_required")
        refused(await admin.animate(imageId="x"), 400, "on_behalf_of_required")

    @pytest.mark.parametrize("named", ["", "alice", "42", "two"])
    async def test_what_names_no_user_is_refused(self, admin, named):
        named = f"{uuid4()}, {uuid4()}" if named == "two" else named
        answer = await admin.get(QUOTA, headers={"X-On-Behalf-Of": named})
        refused(answer, 400, "on_behalf_of_invalid")

    async def test_nobody_else_acts_for_others(self, jwt_server, alice, bob):
        naming = {"X-On-Behalf-Of": str(bob.id)}
        for person in (alice, await jwt_server.key_holder(alice.id)):
            refused(await person.get(QUOTA, headers=naming), 403, "admin_required")
            refused(await person.animate(naming, imageId="x"), 403, "admin_required")


async def test_an_installation_can_have_keys_and_no_tokens(open_installation):
    async with open_installation(api_keys_only=True) as server:
        refused(await server.http.get(QUOTA), 401, "unauthenticated")
        refused(await server.person().get(QUOTA), 401, "unauthenticated")
        holder = await server.key_holder(uuid4())
        assert (await holder.get(QUOTA)).status_code == 200


async def test_a_database_that_is_away_lets_nobody_in(open_installation):
    async with open_installation(**with_identity()) as server:
        person = await server.key_holder(uuid4())
        await server.app.state.service.database.pool.close()
        refused(await person.get(QUOTA), 503, "database_unavailable")
