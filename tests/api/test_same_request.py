"""One request sent many times at once."""

from __future__ import annotations

import threading
import time

from tests.api.service import Shop, basket


def test_the_same_request_64_times_at_once_has_one_effect_and_64_equal_answers(any_shop: Shop) -> None:
    shop = any_shop
    body = basket(member={"number": shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"]})
    answers: list[bytes] = []

    def send() -> None:
        for _ in range(60):
            answer = shop.post("grocer-till", "/v1/sales", body, key="same")
            if answer.status_code != 503:
                break
            time.sleep(1)  # the machine stood still and the service was full: a till waits as it is told
        answers.append(answer.data)

    threads = [threading.Thread(target=send) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 64
    assert len(set(answers)) == 1
    entries = shop.get("auditor", f"/v1/members/{body['member']['number']}/entries").json["entries"]
    assert len(entries) == 1
