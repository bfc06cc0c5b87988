"""What a network says is shown in one line, not too long, and without secrets."""

import httpx
import pytest

from postroom.connectors import answers
from postroom.connectors.http import Answer
from postroom.errors import OutcomeUnknown, ProviderDown

SECRET = "hush-hush-0123456789"


def answer(body: bytes = b"{}", **headers: str) -> Answer:
    return Answer(200, httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()}), body)


def test_words_are_one_line_without_secrets() -> None:
    said = f"The token\n {SECRET}\tof {SECRET} is  wrong."
    assert answers.words(said, (SECRET, "")) == "The token *** of *** is wrong."


@pytest.mark.parametrize("before", range(280, 301))
def test_a_secret_at_the_end_of_long_words_is_not_shown_in_part(before: int) -> None:
    found = answers.words("x" * before + SECRET, (SECRET,))
    assert len(found) <= 300
    assert set(found) <= {"x", "*"}


@pytest.mark.parametrize("text", [None, 1, [SECRET], {"message": SECRET}, "", " \n"])
def test_what_is_no_text_says_nothing(text: object) -> None:
    assert answers.words(text, (SECRET,)) == ""


def test_a_call_names_its_token_where_it_has_one() -> None:
    assert "authorization" not in answers.headers()
    assert answers.headers(SECRET)["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b"<html>", b""])
@pytest.mark.parametrize(("write", "error"), [(True, OutcomeUnknown), (False, ProviderDown)])
def test_a_success_without_an_object_says_nothing_of_what_was_done(
    body: bytes, write: bool, error: type[Exception]
) -> None:
    with pytest.raises(error, match="A network's answer could not be understood"):
        answers.json_object(answer(body), "A network's", write=write)


@pytest.mark.parametrize(("value", "seconds"), [("7", 7.0), (" 7 ", 7.0), ("", None), ("soon", None), ("-1", None)])
def test_retry_after_counts_where_it_is_a_number(value: str, seconds: float | None) -> None:
    assert answers.seconds_to_wait(answer(retry_after=value)) == seconds
