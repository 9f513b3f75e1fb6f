import json
import threading
import time
from pathlib import Path

from werkzeug.serving import make_server

from tests.api.without_phone import with_pin


def test_serve(web_shop):
    shop = web_shop
    number, card = with_pin(shop)
    object.__setattr__(shop.serving.logins, "delivers", True)
    object.__setattr__(shop.serving.pipeline, "strangers", shop.serving.pipeline.public)
    ctx = {"shop": shop, "number": number}
    extra = Path("/tmp/w3_extra.py")
    if extra.exists():
        exec(extra.read_text(), ctx)
    server = make_server("127.0.0.1", 8933, shop.client.application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Path("/tmp/w3_keys.json").write_text(
        json.dumps(
            {
                **{k: str(v) for k, v in shop.keys.items()},
                "card": card,
                "card-number": number,
                **ctx.get("more", {}),
            }
        )
    )
    stop = Path("/tmp/w3_stop")
    end = time.time() + 1500
    while not stop.exists() and time.time() < end:
        time.sleep(0.5)
