"""Names that are shown, sorted, and made into safe unique ones."""

import pytest

from core.names import composed, first_few, is_hidden, natural_order, printable, safe_stem, unique


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("mein roter Käfer.jpg", "mein roter Käfer"),
        ("Ka\u0308fer.jpg", "Käfer"),  # as macOS writes it
        ("🚗 new 👩‍🔧.png", "🚗 new 👩‍🔧"),
        ("汽车.webp", "汽车"),
        ('a<b>c:d"e|f?g*h.png', "a_b_c_d_e_f_g_h"),
        ("tab\tline\n\x00.png", "tab_line__"),
        ("gpj.\u202egnp", "gpj._gnp"),
        ("broken \udcff.jpg", "broken _"),
        ("dots....jpg", "dots"),
        (" blanks .jpg", "blanks"),
        ("car.tar.gz", "car.tar"),
        ("Mr. Smith", "Mr. Smith"),
        (".jpg", "jpg"),
        ("..", "photo"),
        ("???.jpg", "___"),
        ("", "photo"),
        ("con.jpg", "_con"),
        ("NUL", "_NUL"),
        ("com1.old.png", "_com1.old"),
        ("console.png", "console"),
        ("folder/sub\\car.png", "car"),
        ("../../x/evil.png", "evil"),
    ],
)
def test_stems_are_safe_and_stay_readable(name, stem):
    assert safe_stem(name) == stem
    assert safe_stem(printable(name)) == stem
    printable(name).encode()  # also a name that is no Unicode can be shown


def test_long_stems_are_cut():
    assert safe_stem("x" * 240 + ".jpg") == "x" * 110
    assert safe_stem("🚗" * 80 + ".png") == "🚗" * 50


def test_what_is_not_printable_is_replaced():
    assert printable("a\x00b\u202ec\udcff Käfer 🚗") == "a\ufffdb\ufffdc\ufffd Käfer 🚗"


def test_what_nobody_made_is_hidden():
    hidden = [".git", "._a.png", "__MACOSX", ".thumbnails", "@eaDir", "@EADIR", "#recycle"]
    shown = ["a.png", "macosx", "@anna.jpg", "thumbnails", "eaDir"]
    assert [name for name in hidden + shown if is_hidden(name)] == hidden


def test_names_have_one_unicode_form():
    assert composed("Ka\u0308fer") == composed("K\xe4fer") == "K\xe4fer"


def test_numbers_are_sorted_by_their_value_folder_by_folder():
    paths = ["a/2", "a/10", "A2/1", "a10/1", "b"]
    assert sorted(paths[::-1], key=natural_order) == paths
    assert natural_order("x" + "9" * 5000) < natural_order("x1" + "0" * 5000)


def test_a_plain_name_is_not_taken_from_the_one_that_has_it():
    assert unique(["car", "car", "car_2"], "{}_{}") == ["car", "car_3", "car_2"]
    assert unique(["a", "a", "a"], "{} ({})") == ["a", "a (2)", "a (3)"]
    assert unique(["car", "Car"], "{}_{}") == ["car", "Car"]
    assert unique(["car", "Car"], "{}_{}", str.casefold) == ["car", "Car_2"]
    assert unique([], "{}_{}") == []


def test_of_many_names_the_first_are_said() -> None:
    assert first_few([], 2) == ""
    assert first_few(("a", "b"), 2) == "a, b"
    assert first_few(["a", "b", "c"], 2) == "a, b, ..."
