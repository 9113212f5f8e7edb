"""The quick look passes no masked sample over, and most ordinary texts."""

from matching.masked_samples.mask_look import may_be_masked
from matching.masked_samples.reading import read_sample_rows
from tests.matching.masked_samples.cases import SAMPLES


def test_every_masked_sample_is_read_and_ordinary_text_mostly_is_not() -> None:
    """Reading takes a hundred times as long as seeing that there is nothing to read."""
    passed_over = [
        sample.name
        for sample in SAMPLES
        if any(row.is_masked for row in read_sample_rows(sample.text, region=sample.region))
        and not may_be_masked(sample.text)
    ]
    posts = (
        "Selling **fresh** database, contact @x - price: 100$ ... see https://forum.example/t?a=1_2#top",
        "# Title\n## Part\n* item one\n* item two\n- 10.0.0.1 -- build 1.2.x, 50-60% off!!",
        "出售最新数据，联系方式见下……价格面议——100条起售",
    )

    assert passed_over == []
    assert [post for post in posts if may_be_masked(post)] == []
