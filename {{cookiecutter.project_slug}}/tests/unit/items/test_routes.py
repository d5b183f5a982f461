import asyncio
from uuid import uuid4

import httpx2


async def new_item(client: httpx2.AsyncClient, name: str = "Tea") -> httpx2.Response:
    answer = await client.post("/v1/items", json={"name": name})
    assert answer.status_code == 201
    return answer


async def test_what_is_created_is_found_where_location_says(client: httpx2.AsyncClient) -> None:
    created = await new_item(client)
    found = await client.get(created.headers["location"])
    assert found.json() == created.json()
    assert found.headers["etag"] == created.headers["etag"]


async def test_a_name_is_taken_once(client: httpx2.AsyncClient) -> None:
    await new_item(client)
    answer = await client.post("/v1/items", json={"name": "Tea"})
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:problem-type:item-name-taken"


async def test_an_idempotent_post_is_answered_twice_and_done_once(client: httpx2.AsyncClient) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await client.post("/v1/items", json={"name": "Tea"}, headers=headers)
    second = await client.post("/v1/items", json={"name": "Tea"}, headers=headers)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.headers["location"] == second.headers["location"]
    assert len((await client.get("/v1/items")).json()["items"]) == 1


async def test_idempotent_posts_at_once_are_done_once(client: httpx2.AsyncClient) -> None:
    headers = {"Idempotency-Key": "one"}
    calls = [client.post("/v1/items", json={"name": "Tea"}, headers=headers) for _ in range(2)]
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {201}
    assert answers[0].content == answers[1].content


async def test_a_key_with_another_body_is_refused(client: httpx2.AsyncClient) -> None:
    headers = {"Idempotency-Key": "one"}
    await client.post("/v1/items", json={"name": "Tea"}, headers=headers)
    answer = await client.post("/v1/items", json={"name": "Coffee"}, headers=headers)
    assert answer.status_code == 422


async def test_pages_neither_skip_nor_repeat(client: httpx2.AsyncClient) -> None:
    created = [(await new_item(client, f"Tea {number}")).json()["id"] for number in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = (await client.get("/v1/items", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [found["id"] for found in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == created[::-1]


async def test_a_cursor_that_is_none_of_ours_is_refused(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/v1/items", params={"cursor": "nonsense"})).status_code == 422


async def test_what_the_caller_has_is_not_sent_again(client: httpx2.AsyncClient) -> None:
    created = await new_item(client)
    answer = await client.get(created.headers["location"], headers={"If-None-Match": created.headers["etag"]})
    assert (answer.status_code, answer.content) == (304, b"")


async def test_a_change_is_read_at_once(client: httpx2.AsyncClient) -> None:
    created = await new_item(client)
    path = created.headers["location"]
    await client.get(path)
    changed = await client.patch(path, json={"name": "Coffee"}, headers={"If-Match": created.headers["etag"]})
    assert changed.status_code == 200
    assert (await client.get(path)).json()["name"] == "Coffee"


async def test_what_a_change_leaves_out_stays_and_only_a_description_can_be_taken_away(
    client: httpx2.AsyncClient,
) -> None:
    created = await client.post("/v1/items", json={"name": "Tea", "description": "Green"})
    path, match = created.headers["location"], {"If-Match": "*"}
    assert (await client.patch(path, json={"name": "Coffee"}, headers=match)).json()["description"] == "Green"
    assert (await client.patch(path, json={"description": None}, headers=match)).json()["name"] == "Coffee"
    assert (await client.patch(path, json={"name": None}, headers=match)).status_code == 422


async def test_a_change_needs_if_match(client: httpx2.AsyncClient) -> None:
    path = (await new_item(client)).headers["location"]
    assert (await client.patch(path, json={"name": "Coffee"})).status_code == 428
    assert (await client.delete(path)).status_code == 428


async def test_a_stale_etag_never_wins(client: httpx2.AsyncClient) -> None:
    created = await new_item(client)
    path, headers = created.headers["location"], {"If-Match": created.headers["etag"]}
    calls = [client.patch(path, json={"name": f"Name {number}"}, headers=headers) for number in range(5)]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]


async def test_what_is_deleted_is_gone(client: httpx2.AsyncClient) -> None:
    created = await new_item(client)
    path = created.headers["location"]
    assert (await client.delete(path, headers={"If-Match": created.headers["etag"]})).status_code == 204
    assert (await client.get(path)).status_code == 404


async def test_an_unknown_id_is_a_problem(client: httpx2.AsyncClient) -> None:
    assert (await client.get(f"/v1/items/{uuid4()}")).status_code == 404
