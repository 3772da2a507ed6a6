"""The environment of a run, as far as the processor decides it."""

import pytest

from toolkit.runs import spare

CPU = "vendor_id\t: {}\ncpu family\t: {}\nmodel\t\t: 17\nflags\t\t: fpu sse2 avx2 {} rdseed\n\nprocessor\t: 1\n"


@pytest.mark.parametrize(
    ("vendor", "family", "flags", "sorts"),
    [
        ("AuthenticAMD", 25, "avx512f avx512dq", "AVX2"),
        ("AuthenticAMD", 25, "", "as numpy chooses"),  # Zen 3
        ("AuthenticAMD", 26, "avx512f avx512dq", "as numpy chooses"),  # Zen 5
        ("GenuineIntel", 6, "avx512f avx512dq", "as numpy chooses"),
    ],
)
def test_numpy_sorts_by_avx2_where_avx512_is_slow(tmp_path, monkeypatch, vendor, family, flags, sorts):
    (described := tmp_path / "cpuinfo").write_text(CPU.format(vendor, family, flags))
    monkeypatch.setattr(spare, "_PROCESSOR", described)
    assert ("NPY_DISABLE_CPU_FEATURES" in spare.usual()) == (sorts == "AVX2")
    assert spare.VARIABLES["usual"].items() <= spare.usual().items()


def test_where_no_file_describes_the_processor_nothing_is_set(tmp_path, monkeypatch):
    monkeypatch.setattr(spare, "_PROCESSOR", tmp_path / "cpuinfo")
    assert spare.usual() == spare.VARIABLES["usual"]
