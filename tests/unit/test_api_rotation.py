"""Rotating the secret of a webhook, from outside."""

USER = "u-1"
PATH = f"/preferences/{USER}"


def test_the_api_shows_the_new_secret_once(product):
    first = product.call("PUT", PATH, json={"contacts": {"webhook": {"url": "https://example.com/hook"}}}).json
    rotated = product.call("POST", f"{PATH}/webhook/rotate", product.token(USER)).json["secret"]
    assert rotated.startswith("whsec_")
    assert rotated != first["contacts"]["webhook"]["secret"]
    assert product.call("GET", PATH).json["contacts"]["webhook"]["secret"] == {"set": True, "last4": rotated[-4:]}
    (entry,) = product.call("GET", "/audit?action=webhook.rotate").json["items"]
    assert (entry["actor"], entry["object"]) == (f"user:{USER}", f"user:{USER}")
    assert rotated not in str(entry)


def test_who_has_no_webhook_is_told_so(product):
    answer = product.call("POST", f"{PATH}/webhook/rotate")
    assert (answer.status_code, "no webhook" in answer.json["detail"]) == (404, True)
