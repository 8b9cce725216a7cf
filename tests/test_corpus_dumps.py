"""Reading dumps: genuine files whole, broken ones page by page."""

import bz2
import gzip
import tracemalloc
import warnings

import pytest

from unibert_lib.corpus import FormatError, Page, Quarantined, pagexml, read_dump

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="nl">
  <siteinfo>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="6" case="first-letter">Bestand</namespace>
      <namespace key="14" case="first-letter">Categorie</namespace>
    </namespaces>
  </siteinfo>
"""
TAIL = "</mediawiki>\n"


def page(number, text="Een zin.", title=None, ns="<ns>0</ns>", extra=""):
    return (
        f"  <page>\n    <title>{title or f'Titel {number}'}</title>\n    {ns}\n    <id>{number}</id>\n    {extra}\n"
        f"    <revision>\n      <id>9{number}</id>\n      <text>{text}</text>\n    </revision>\n  </page>\n"
    )


def written(folder, body, name="nlwiki.xml", encoding="utf-8"):
    path = folder / name
    data = body if isinstance(body, bytes) else body.encode(encoding)
    path.write_bytes(
        bz2.compress(data) if name.endswith("bz2") else gzip.compress(data) if name.endswith("gz") else data
    )
    return path


def read(path, **options):
    return list(read_dump(path, "nl", **options))


def read_until_error(path, **options):
    records = []
    with pytest.raises(FormatError) as caught:
        for record in read_dump(path, "nl", **options):
            records.append(record)
    return records, caught.value


@pytest.mark.parametrize(
    ("name", "pages", "redirects", "outside", "last"),
    [
        ("gensim/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2", 206, 100, 1, "Algorithm"),
        ("gensim/enwiki-table-markup.xml.bz2", 5, 0, 0, "Brahui language"),
        (
            "gensim/bgwiki-latest-pages-articles-shortened.xml.bz2",
            3,
            0,
            2,
            "Уикипедия:Разговори/Архив/2005/октомври-ноември-декември",
        ),
        ("semanticizest_nl/nlwiki-20140927-pages-articles-sample.xml", 21, 2, 0, "Architekt"),
    ],
)
def test_the_genuine_excerpts_are_read_to_their_last_page(shared, name, pages, redirects, outside, last):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        records = list(read_dump(shared / "data" / "wikidumps" / name, "xx"))
    assert all(isinstance(record, Page) for record in records)
    assert len(records) == pages
    assert sum(record.redirect for record in records) == redirects
    assert sum(record.namespace != 0 for record in records) == outside
    assert records[-1].title == last


def test_a_page_carries_what_its_element_says(tmp_path):
    path = written(tmp_path, HEAD + page(7, "a &lt;b&gt; &amp;amp; ü") + TAIL)
    [only] = read(path)
    assert only == Page(id="7", title="Titel 7", namespace=0, redirect=False, text="a <b> &amp; ü", language="nl")
    assert only.prefixes == {"bestand", "categorie"}


@pytest.mark.parametrize("name", ["d.xml", "d.xml.bz2", "d.xml.gz", "d.xml-p1p9.bz2", "d"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_compression_and_encoding_are_told_by_content(tmp_path, name, encoding):
    text = HEAD + page(1, "Ἀθῆναι 雅典 🏛") + TAIL
    data = text.encode(encoding)
    packed = bz2.compress(data) if name.endswith("bz2") else gzip.compress(data) if name.endswith("gz") else data
    path = tmp_path / name
    path.write_bytes(packed)
    assert [record.text for record in read(path)] == ["Ἀθῆναι 雅典 🏛"]


def test_the_xml_declaration_names_the_encoding(tmp_path):
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>\n' + HEAD + page(1, "Köln") + TAIL
    assert [record.text for record in read(written(tmp_path, text, encoding="latin-1"))] == ["Köln"]


def test_an_encoding_that_does_not_exist_is_refused_by_name(tmp_path):
    path = written(tmp_path, '<?xml version="1.0" encoding="utf-9"?>\n' + HEAD + TAIL)
    with pytest.raises(FormatError, match=r"line 1: .*'utf-9'.*convert"):
        read(path)


def test_many_streams_in_one_bz2_are_one_dump(tmp_path):
    path = tmp_path / "nlwiki.xml.bz2"
    path.write_bytes(b"".join(bz2.compress(part.encode()) for part in (HEAD, page(1) + page(2), page(3), TAIL)))
    assert [record.id for record in read(path)] == ["1", "2", "3"]


def test_tokens_cut_by_the_end_of_a_chunk_are_found(tmp_path, monkeypatch):
    path = written(tmp_path, "<!-- a <page> in a remark -->" + HEAD + "".join(map(page, range(1, 6))) + TAIL)
    expected = read(path)
    for size in range(1, 40):
        monkeypatch.setattr("unibert_lib.corpus.stream.READ_BYTES", size)
        assert read(path) == expected, size
    assert [record.id for record in expected] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("een \0 nul", "malformed XML"),
        ("een &#xD800; half", "malformed XML"),
        ("open <b> tag", "malformed XML"),
        ("&onbekend;", "malformed XML"),
        ("\x0b", "malformed XML"),
    ],
)
def test_a_page_that_cannot_be_parsed_is_quarantined_and_the_next_one_read(tmp_path, bad, reason):
    path = written(tmp_path, HEAD + page(1) + page(2, f"regel\n{bad}") + page(3) + TAIL)
    first, broken, last = read(path)
    assert (first.id, last.id) == ("1", "3")
    assert isinstance(broken, Quarantined)
    assert reason in broken.reason
    # 8 lines of head, 10 of page 1; the text of page 2 begins on its eighth line, and the fault is on the next.
    first_line = (HEAD + page(1)).count("\n") + 1
    assert first_line <= broken.line <= first_line + 10
    assert broken.path == str(path) and "Titel 2" in broken.raw


def test_the_line_of_a_malformed_page_is_that_of_the_fault(tmp_path):
    body = HEAD + page(1) + page(2, "regel\nregel\n\0") + TAIL
    broken = read(written(tmp_path, body))[1]
    assert broken.line == body[: body.index("\0")].count("\n") + 1


def test_a_byte_that_is_not_utf8_costs_its_page_only(tmp_path):
    body = HEAD.encode() + page(1).encode() + page(2, "X").encode().replace(b"X", b"\xff\xfe") + page(3).encode()
    first, broken, last = read(written(tmp_path, body + TAIL.encode()))
    assert (first.id, last.id) == ("1", "3")
    assert "0xFF" in broken.reason


def test_a_page_left_open_is_quarantined_and_the_next_one_read(tmp_path):
    path = written(tmp_path, HEAD + page(1).replace("  </page>\n", "") + page(2) + TAIL)
    broken, good = read(path)
    assert "not closed" in broken.reason
    assert good.id == "2"


@pytest.mark.parametrize(
    "huge",
    ["<b " + " ".join(f'a{i}=""' for i in range(20_000)) + "/>", f"<!-- {'x' * 140_000} -->"],
    ids=["a tag of very many attributes", "a remark"],
)
def test_what_of_a_page_has_no_end_in_sight_is_quarantined(tmp_path, huge):
    body = HEAD + page(1, f"regel\n{huge}") + page(2) + TAIL
    broken, good = read(written(tmp_path, body))
    assert broken.reason == f"a tag or a comment longer than {pagexml.PIECE} characters"
    assert broken.line == body[: body.index(huge[:5])].count("\n") + 1
    assert good.id == "2"


def test_pages_are_the_same_however_small_the_pieces_for_expat(shared, monkeypatch):
    path = shared / "data/wikidumps/semanticizest_nl/nlwiki-20140927-pages-articles-sample.xml"
    whole = read(path)
    monkeypatch.setattr(pagexml, "PIECE", 301)
    assert read(path) == whole


@pytest.mark.parametrize(
    ("change", "missing"),
    [(("<id>1</id>", ""), "id"), (("<title>Titel 1</title>", ""), "title"), (("<text>Een zin.</text>", ""), "text")],
)
def test_a_page_without_its_essentials_is_quarantined(tmp_path, change, missing):
    [broken] = read(written(tmp_path, HEAD + page(1).replace(*change) + TAIL))
    assert broken.reason == f"the page has no {missing}"


def test_a_page_over_the_cap_is_quarantined_and_only_its_head_is_kept(tmp_path):
    path = written(tmp_path, HEAD + page(1, "x" * 5_000_000) + page(2) + TAIL)
    broken, good = read(path, page_bytes=1_000_000)
    assert broken.reason == "the page is longer than 1000000 bytes"
    assert len(broken.raw) == 2_000
    assert good.id == "2"


def test_the_cap_counts_bytes_not_characters(tmp_path):
    path = written(tmp_path, HEAD + page(1, "я" * 700) + TAIL)
    assert isinstance(read(path, page_bytes=1_200)[0], Quarantined)
    assert isinstance(read(path, page_bytes=2_000)[0], Page)


@pytest.mark.parametrize(
    "place",
    [
        lambda body: '<!DOCTYPE mediawiki [<!ENTITY a "b">]>' + body,
        lambda body: body.replace("<siteinfo>", '<!ENTITY a "b"><siteinfo>'),
        lambda body: body.replace("<title>", "<!DOCTYPE x><title>"),
    ],
)
def test_a_dtd_or_entity_declaration_is_refused(tmp_path, place):
    with pytest.raises(FormatError, match=r"declares a DTD or an entity.*do not use"):
        read(written(tmp_path, place(HEAD + page(1) + TAIL)))


def test_a_doctype_in_an_articles_text_is_text(tmp_path):
    [only] = read(written(tmp_path, HEAD + page(1, "&lt;!DOCTYPE html&gt;") + TAIL))
    assert only.text == "<!DOCTYPE html>"


def test_a_bz2_cut_mid_stream_keeps_the_completed_pages_and_says_where(tmp_path):
    path = tmp_path / "nlwiki.xml.bz2"
    whole = b"".join(bz2.compress(part.encode()) for part in (HEAD + page(1) + page(2), page(3) + TAIL))
    path.write_bytes(whole[:-20])
    records, error = read_until_error(path)
    assert [record.id for record in records] == ["1", "2"]
    assert (error.path, error.byte) == (str(path), len(whole) - 20)
    assert "breaks off, after 2 completed pages" in str(error)
    assert "Download the file again and compare its checksum" in str(error)


def test_a_bz2_cut_exactly_between_streams_is_noticed(tmp_path):
    path = tmp_path / "nlwiki.xml.bz2"
    path.write_bytes(bz2.compress((HEAD + page(1)).encode()))
    records, error = read_until_error(path)
    assert [record.id for record in records] == ["1"]
    assert "without </mediawiki>" in str(error)
    assert error.line == (HEAD + page(1)).count("\n") + 1


def test_a_file_cut_inside_a_page_quarantines_that_page(tmp_path):
    body = HEAD + page(1) + page(2)[:60]
    records, error = read_until_error(written(tmp_path, body))
    assert [type(record) for record in records] == [Page, Quarantined]
    assert records[1].reason == "the file ends inside this page"
    assert "1 completed pages" in str(error)


def test_truncation_is_a_warning_and_a_record_when_not_strict(tmp_path):
    path = written(tmp_path, HEAD + page(1))
    with pytest.warns(UserWarning, match=r"without </mediawiki>"):
        records = read(path, strict=False)
    assert [type(record) for record in records] == [Page, Quarantined]
    assert records[1].reason.startswith("truncated")


def test_a_corrupt_bz2_block_names_the_byte(tmp_path):
    path = written(tmp_path, HEAD + "".join(map(page, range(2_000))) + TAIL, "nlwiki.xml.bz2")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    _, error = read_until_error(path)
    assert "corrupt" in str(error) and error.byte is not None


def test_garbage_after_the_end_is_ignored_with_a_warning_and_counted(tmp_path):
    with pytest.warns(UserWarning, match="7 characters after </mediawiki>"):
        whole, rest = read(written(tmp_path, HEAD + page(1) + TAIL + "garbage\n"))
    assert (whole.id, rest.reason, rest.raw) == ("1", "7 characters after </mediawiki> were ignored", "garbage")
    path = written(tmp_path, HEAD + page(1) + TAIL, "nlwiki.xml.bz2")
    path.write_bytes(path.read_bytes() + b"garbage")
    with pytest.warns(UserWarning, match="7 bytes after the last bz2 stream"):
        whole, rest = read(path)
    assert (whole.id, rest.reason) == ("1", "7 bytes after the last bz2 stream were ignored")


@pytest.mark.parametrize("body", ["", "   \n", "<html><body>404</body></html>", "just text", "\0" * 100])
def test_what_is_no_export_is_refused(tmp_path, body):
    with pytest.raises(FormatError, match="no <mediawiki> element"):
        read(written(tmp_path, body))


def test_the_last_of_several_revisions_counts(tmp_path):
    twice = page(1, "oud").replace("</revision>", "</revision><revision><id>5</id><text>nieuw</text></revision>", 1)
    assert [record.text for record in read(written(tmp_path, HEAD + twice + TAIL))] == ["nieuw"]


def test_old_exports_without_ns_and_redirect_elements_are_understood(tmp_path):
    old = page(1, title="Categorie:Dieren", ns="") + page(2, "#DOORVERWIJZING [[Doel]]", ns="") + page(3, ns="")
    records = read(written(tmp_path, HEAD + old + TAIL))
    assert [(record.namespace, record.redirect) for record in records] == [(14, False), (0, True), (0, False)]


def test_redirects_and_deleted_texts_are_pages_too(tmp_path):
    body = page(1, extra='<redirect title="Doel" />') + page(2).replace("<text>Een zin.</text>", '<text deleted="x" />')
    first, second = read(written(tmp_path, HEAD + body + TAIL))
    assert first.redirect and not second.redirect
    assert second.text == ""


def peak(path):
    tracemalloc.start()
    count = sum(1 for _ in read_dump(path, "nl"))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return count, most


def test_memory_does_not_grow_with_the_number_of_pages(tmp_path, monkeypatch):
    monkeypatch.setattr("unibert_lib.corpus.stream.CHUNK_BYTES", 1 << 16)  # so that the small dump fills a chunk too
    text = "Een zin over niets. " * 200
    small = written(tmp_path, HEAD + "".join(page(i, text) for i in range(150)) + TAIL, "small.xml.bz2")
    large = written(tmp_path, HEAD + "".join(page(i, text) for i in range(1_500)) + TAIL, "large.xml.bz2")
    peak(small)  # caches of the library itself
    (few, low), (many, high) = peak(small), peak(large)
    assert (few, many) == (150, 1_500)
    assert high <= 1.1 * low + 100_000, f"{low} bytes for 150 pages, {high} for 1,500"


def test_memory_does_not_grow_with_a_remark_an_attribute_or_a_header(tmp_path):
    huge = "x" * 20_000_000
    for body in (
        f"<!-- {huge} -->{HEAD}{page(1)}{TAIL}",
        f'<mediawiki a="{huge}">{page(1)}{TAIL}',
        HEAD.replace("<namespaces>", huge) + page(1) + TAIL,
    ):
        path = written(tmp_path, body, "huge.xml.gz")
        count, most = peak(path)
        assert count == 1
        assert most < 12_000_000
