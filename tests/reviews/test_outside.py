from postlaunch.reviews import outside


def test_bidirectional_and_control_characters_cannot_turn_a_sentence_around() -> None:
    assert outside.clean("API \u202eerrors\u202c \u2066x\u2069\x00\u200b!\r\nnext\u2028line") == "API errors x ! next line"


def test_right_to_left_words_stay_and_are_isolated() -> None:
    assert outside.clean("خطأ 42") == "\u2068خطأ 42\u2069"
    assert outside.clean("error 42") == "error 42"


def test_a_title_has_one_line_of_a_bounded_length_without_towers_of_marks() -> None:
    assert len(outside.clean("x" * 5_000)) == outside.LIMIT
    assert outside.clean("x" * 5_000).endswith("x…")
    assert outside.clean("a" + "\u0301" * 40) == "a" + "\u0301" * 3
    assert outside.clean("👩‍💻 ship it") == "👩‍💻 ship it"
