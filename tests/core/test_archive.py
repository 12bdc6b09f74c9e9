"""Listing and unpacking ZIPs, the hostile ones among them."""

import struct
import tracemalloc
import zipfile
from io import BytesIO

import pytest

from core import archive as archive_module
from core.archive import ArchiveLimits, Member, list_members
from core.errors import ArchiveError
from tests.core.zips import zipped


def listed(data: bytes, **limits: float) -> list[Member]:
    suffixes = {".png", ".jpg", ".bmp"}
    return list_members(data, "x.zip", suffixes=suffixes, limits=ArchiveLimits(**limits))


def refusal(data: bytes, **limits: float) -> str:
    with pytest.raises(ArchiveError) as caught:
        listed(data, **limits)
    return str(caught.value)


def error_of(member: Member) -> str:
    with pytest.raises(ArchiveError) as caught:
        member.read()
    return str(caught.value)


# --- listing


def test_photos_in_natural_order_without_what_is_hidden_or_no_photo(tmp_path):
    data = zipped(
        ("photos/", b""), ("photos/car10.png", b"ten"), ("photos/car2.JPG", b"two"),
        ("./a.bmp", b"one"), ("__MACOSX/photos/._car2.png", b"x"), ("readme.txt", b"x"),
        ("photos/.hidden.png", b"x"), (".git/x.png", b"x"), ("photos/empty.png", b""),
        ("folder.png/.", b"x"),
    )  # fmt: skip
    path = tmp_path / "batch.zip"
    path.write_bytes(data)
    limits = ArchiveLimits()
    suffixes = {".png", ".jpg", ".bmp"}
    for source in (path, data):
        members = list_members(source, "batch.zip", suffixes=suffixes, limits=limits)
        assert [member.path for member in members] == [
            "./a.bmp", "photos/car2.JPG", "photos/car10.png", "photos/empty.png",
        ]  # fmt: skip
        assert [member.read() for member in members] == [b"one", b"two", b"ten", b""]
        assert members[1].read() == b"two"  # in any order, any number of times


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_both_kinds_of_packing(packing):
    [member] = listed(zipped(("a.png", b"a" * 1000), packing=packing))
    assert member.read() == b"a" * 1000


def test_umlauts_of_a_zip_that_does_not_say_it_is_utf8():
    data = bytearray(zipped(("Käfer.png", b"8"), ("plain.png", b"9")))
    for signature, at in ((b"PK\3\4", 7), (b"PK\1\2", 9)):
        data[data.index(signature) + at] &= ~0x08
    members = listed(bytes(data))
    assert [member.path for member in members] == ["Käfer.png", "plain.png"]
    assert [member.read() for member in members] == [b"8", b"9"]


def test_500_photos_in_one_zip(tmp_path, monkeypatch):
    path = tmp_path / "many.zip"
    names = [f"photos/car{number}.png" for number in range(500)]
    path.write_bytes(zipped(*[(name, name.encode()) for name in names[::-1]]))
    opened = []
    monkeypatch.setattr(
        archive_module, "ZipFile", lambda file: opened.append(file) or zipfile.ZipFile(file)
    )
    members = list_members(path, "many.zip", suffixes={".png"}, limits=ArchiveLimits())
    assert [member.path for member in members] == names
    assert [member.read() for member in members] == [name.encode() for name in names]
    assert opened == [path]  # its list of contents is read once, not once a photo


def test_a_zip_without_photos():
    for data in (zipped(), zipped(("readme.txt", b"x"), ("__MACOSX/a.png", b"x"))):
        assert "x.zip: the ZIP holds no photo. Put JPEG" in refusal(data)


# --- members that aren't read


def test_unsafe_names_are_reported_and_the_others_go_on():
    bad = [
        "../evil.png", "a/../../evil.png", "/etc/evil.png", "..\\worse.png", "C:\\evil.png",
        "c:evil.png", "\\\\server\\evil.png", "../../.ssh/authorized_keys",
    ]  # fmt: skip
    members = listed(zipped(("good.png", b"9"), *[(name, b"x") for name in bad]))
    assert len(members) == 9
    for member in members:
        if member.path == "good.png":
            assert member.read() == b"9"
        else:
            assert error_of(member).startswith(f"x.zip: {member.path} has an unsafe name")


def test_a_name_with_two_dots_inside_is_safe():
    [member] = listed(zipped(("car..png", b"3"), ("..car/b.png", b"")))
    assert member.read() == b"3"


def test_a_zip_in_a_zip_is_reported():
    photo, inner = listed(zipped(("inner.zip", zipped(("a.png", b"x"))), ("b.png", b"5")))
    assert photo.read() == b"5"
    assert "x.zip: inner.zip is a ZIP inside a ZIP" in error_of(inner)


def test_an_encrypted_member_is_reported():
    data = bytearray(zipped(("a.png", b"x"), ("b.png", b"4")))
    data[data.index(b"PK\3\4") + 6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    locked, good = listed(bytes(data))
    assert "x.zip: a.png is locked with a password" in error_of(locked)
    assert good.read() == b"4"


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_packing_is_reported(packing):
    [member] = listed(zipped(("a.png", b"x"), packing=packing))
    assert "a.png is packed in an unusual way" in error_of(member)


# --- damage


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.9])
def test_truncated_zip(share):
    data = zipped(*[(f"{number}.png", b"some photo") for number in range(9)])
    message = refusal(data[: int(len(data) * share)])
    assert "x.zip: not a ZIP, or one that is cut short or damaged" in message


def test_a_missing_zip_is_reported(tmp_path):
    with pytest.raises(ArchiveError, match=r"no\.zip: not a ZIP.*\(No such file or directory\)"):
        list_members(tmp_path / "no.zip", "no.zip", suffixes={".png"}, limits=ArchiveLimits())


def test_a_damaged_member_is_reported():
    data = bytearray(zipped(("a.png", b"first"), ("b.png", b"2"), packing=zipfile.ZIP_STORED))
    data[data.index(b"first")] ^= 255
    damaged, good = listed(bytes(data))
    assert "x.zip: a.png is damaged in the ZIP (Bad CRC-32" in error_of(damaged)
    assert good.read() == b"2"
    data = bytearray(zipped(("a.png", b"first")))
    data[data.index(b"a.png") + 5] = 0xFF  # no such kind of Deflate block
    assert "a.png is damaged" in error_of(listed(bytes(data))[0])


# --- bombs


@pytest.mark.slow
def test_zip_bomb_by_size():
    # 201 MB of zeros in 200 kB: too large and packed too well.
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("bomb.bmp", "w") as member:
            for _ in range(201):
                member.write(bytes(1_000_000))
        archive.writestr("car.png", b"6")
    tracemalloc.start()
    bomb, good = listed(stream.getvalue())
    assert "x.zip: bomb.bmp unpacks to 201.0 MB, so it may be a ZIP bomb; a" in error_of(bomb)
    assert good.read() == b"6"
    [bomb, _] = listed(stream.getvalue(), max_member_bytes=10**9)
    assert "bomb.bmp is packed more than 200 times smaller" in error_of(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_zip_bomb_by_total_and_by_number():
    data = zipped(*[(f"{number}.png", b"photo") for number in range(10)])
    assert len(listed(data, max_total_bytes=50)) == 10
    message = refusal(data, max_total_bytes=49)
    assert "x.zip: the ZIP unpacks to 0.0 MB, so it may be a ZIP bomb" in message
    assert len(listed(data, max_members=10)) == 10
    message = refusal(data, max_members=9)
    assert "x.zip: the ZIP holds 10 photos; at most 9 are read from one ZIP" in message


def test_a_header_that_lies_about_the_size_unpacks_no_more_than_it_says():
    data = bytearray(zipped(("bomb.bmp", bytes(50_000_000))))
    for signature, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        place = data.index(signature) + at
        assert struct.unpack_from("<I", data, place) == (50_000_000,)
        struct.pack_into("<I", data, place, 4000)
    [member] = listed(bytes(data))
    tracemalloc.start()
    assert "x.zip: bomb.bmp is damaged in the ZIP" in error_of(member)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
    # The other way round: more announced than there is.
    struct.pack_into("<I", data, data.index(b"PK\1\2") + 24, 100_000_000)
    [member] = listed(bytes(data), max_ratio=10_000)
    assert "x.zip: bomb.bmp is damaged in the ZIP" in error_of(member)


def test_a_list_of_contents_without_end_is_not_read(monkeypatch):
    data = zipped(*[(f"{number}.png", b"photo") for number in range(40)])
    monkeypatch.setattr(archive_module, "_MAX_DIRECTORY_BYTES", 1000)
    monkeypatch.setattr(archive_module, "ZipFile", None)  # not even opened
    assert "x.zip: the ZIP's list of contents has 2," in refusal(data)


@pytest.mark.parametrize("claimed", [None, 3])
def test_a_zip_of_very_many_files_is_refused_by_its_list(monkeypatch, claimed):
    data = bytearray(zipped(*[(f"{number}.txt", b"") for number in range(40)]))
    assert len(listed(zipped(("a.png", b""), *[(f"{n}.txt", b"") for n in range(39)]))) == 1
    if claimed:  # the record at the end says what it likes
        struct.pack_into("<HH", data, data.index(b"PK\5\6") + 8, claimed, claimed)
    monkeypatch.setattr(archive_module, "_MAX_ENTRIES", 39)
    monkeypatch.setattr(archive_module, "ZipFile", None)  # not even opened
    assert "x.zip: the ZIP holds 40 files and folders; at most 39" in refusal(bytes(data))


def test_a_zip64_archive_is_read_and_its_list_is_checked(monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)  # makes the writer use ZIP64 records
    data = zipped(("a.png", b"3"), ("b.png", b"4"))
    assert b"PK\6\6" in data
    assert [member.read() for member in listed(data)] == [b"3", b"4"]
    monkeypatch.setattr(archive_module, "_MAX_DIRECTORY_BYTES", 10)
    assert "list of contents has 102 bytes" in refusal(data)
