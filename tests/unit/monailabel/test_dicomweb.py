"""Values that MONAI Label derives from a DICOMweb URL, checked against a real 0.8.5's cache."""

from __future__ import annotations

from labeltui.monailabel.dicomweb import dicomweb_of


def test_the_cache_is_named_after_the_url_without_its_last_slash() -> None:
    web = dicomweb_of("http://127.0.0.1:8042/dicom-web/", None, None, "CT", {})
    assert web.cache("~/labeltui", "/home/anna") == (
        "/home/anna/.cache/monailabel/dicom/488fca1f7f3f98331f6f7756beca0d35"
    )
    assert (web.user, web.password, web.filter) == (None, None, {"Modality": "CT"})


def test_variables_of_the_server_replace_the_profiles_login() -> None:
    variables = {
        "MONAI_LABEL_DICOMWEB_USERNAME": "b",
        "MONAI_LABEL_WADO_PREFIX": "wado",
        "MONAI_LABEL_DICOMWEB_SEARCH_FILTER": '{"Modality": "MR"}',
        "MONAI_LABEL_DICOMWEB_CACHE_PATH": "cache ",
    }
    web = dicomweb_of("https://pacs/x", "a", "secret", "CT", variables)
    assert web.login == {
        "url": "https://pacs/x", "user": "b", "password": "secret", "qido": None, "wado": "wado",
        "filter": {"Modality": "MR"}, "pid": None,
    }  # fmt: skip
    assert web.cache("~/labeltui", "/home/anna") == f"/home/anna/labeltui/run/cache/{web.digest}"
    assert "secret" not in repr(web)


def test_a_filter_that_is_no_json_is_the_profiles() -> None:
    assert dicomweb_of("http://x", None, None, "CT", {"MONAI_LABEL_DICOMWEB_SEARCH_FILTER": "CT"}).filter == {
        "Modality": "CT"
    }
