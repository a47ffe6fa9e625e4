"""Rules on axes and channels: data formats that are mixed, rows read as steps, images that are turned."""

from __future__ import annotations

import pytest

from tests.support.lints import assert_found, assert_mended, findings

MIXED = {
    "in(1,8,8) -> conv2d(4,3,channels_first,same) -> batchnorm -> conv2d(4,3,same)": (
        "batchnorm",
        "in(1,8,8) -> conv2d(4,3,channels_first,same) -> batchnorm(axis=1) -> "
        "conv2d(4,3,same,channels_first)",
        "in(1,8,8) -> permute(2,3,1) -> conv2d(4,3,same) -> batchnorm -> conv2d(4,3,same)",
    ),
    "in(28,28,1) -> conv2d(4,3,channels_first,same) -> maxpool2d(2)": (
        "maxpool2d(2)",
        "in(28,28,1) -> conv2d(4,3,same) -> maxpool2d(2)",
    ),
    "in(28,28,1) -> conv2d(4,3,same) -> dropout(0.1) -> maxpool2d(2,channels_first)": (
        "maxpool2d(2,channels_first)",
        "in(28,28,1) -> conv2d(4,3,same) -> dropout(0.1) -> maxpool2d(2)",
    ),
    "in(1,8,8) -> conv2d(4,3,channels_first,same) -> batchnorm(axis=1) -> relu -> maxpool2d(2)": (
        "maxpool2d(2)",
        "in(1,8,8) -> conv2d(4,3,channels_first,same) -> batchnorm(axis=1) -> relu -> "
        "maxpool2d(2,channels_first)",
        "in(1,8,8) -> permute(2,3,1) -> conv2d(4,3,same) -> batchnorm -> relu -> maxpool2d(2)",
    ),
    "in(3,100) -> conv1d(8,3,channels_first) -> lstm(4)": (
        "lstm(4)",
        "in(3,100) -> conv1d(8,3,channels_first) -> permute(2,1) -> lstm(4)",
        "in(3,100) -> permute(2,1) -> conv1d(8,3) -> lstm(4)",
    ),
    "in(3,100) -> conv1d(8,3,channels_first) -> maxpool1d(2) -> gavgpool1d": (
        "maxpool1d(2)",
        "in(3,100) -> conv1d(8,3,channels_first) -> maxpool1d(2,channels_first) -> "
        "gavgpool1d(channels_first)",
    ),
    "in(50,int) -> embed(100,8) -> conv1d(8,3,channels_first)": (
        "conv1d(8,3,channels_first)",
        "in(50,int) -> embed(100,8) -> conv1d(8,3)",
    ),
    "in(4,3,16,16) -> conv3d(8,3,channels_first,same) -> upsample3d(2)": (
        "upsample3d(2)",
        "in(4,3,16,16) -> conv3d(8,3,channels_first,same) -> upsample3d(2,channels_first)",
    ),
    "in(5,3,16,16) -> td(conv2d(8,3,channels_first)) -> td(avgpool2d(2)) -> td(flatten) -> lstm(3)": (
        "avgpool2d(2)",
        "in(5,3,16,16) -> td(conv2d(8,3,channels_first)) -> td(avgpool2d(2,channels_first)) -> td(flatten) "
        "-> lstm(3)",
    ),
    "in(5,3,16,16) -> convlstm2d(8,3,channels_first,seq) -> batchnorm -> convlstm2d(8,3)": (
        "batchnorm",
        "in(5,3,16,16) -> convlstm2d(8,3,channels_first,seq) -> batchnorm(axis=1) -> "
        "convlstm2d(8,3,channels_first)",
    ),
    "in(1,8,8) -> [conv2d(4,3,channels_first,same), conv2d(4,5,channels_first,same)] -> concat": (
        "concat",
        "in(1,8,8) -> [conv2d(4,3,channels_first,same), conv2d(4,5,channels_first,same)] -> concat(1)",
    ),
    "in(3,32,32) -> conv2d(3,1,softmax,channels_first)": (
        "conv2d(3,1,softmax,channels_first)",
        "in(3,32,32) -> conv2d(3,1,channels_first) -> softmax(1)",
    ),
    "in(3,9,9) -> conv2d(3,1,channels_first) -> softmax": (
        "softmax",
        "in(3,9,9) -> conv2d(3,1,channels_first) -> softmax(1)",
    ),
    "in(10,32,32,3) -> td(conv2d(3,3) -> batchnorm -> conv2d(3,3,channels_first)) -> td(flatten) -> gru(2)": (
        "conv2d(3,3,channels_first)",
        "in(10,32,32,3) -> td(conv2d(3,3) -> batchnorm -> conv2d(3,3)) -> td(flatten) -> gru(2)",
    ),
}


@pytest.mark.parametrize("spec", MIXED)
def test_fault_e2_mixed_data_formats_are_found_and_made_one(spec: str) -> None:
    at, *right = MIXED[spec]
    assert_found(spec, "ST670", at)
    mended = assert_mended(spec, "ST670")
    assert mended[: len(right)] == right


@pytest.mark.parametrize(
    "spec",
    [
        "in(1,8,8) -> conv2d(4,3,channels_first,same) -> batchnorm(axis=1) -> maxpool2d(2,channels_first)",
        "in(1,8,8) -> conv2d(4,3,channels_first,same) -> flatten -> dense(3)",
        "in(3,100) -> conv1d(8,3,channels_first) -> permute(2,1) -> lstm(4)",
        "in(3,100) -> conv1d(8,3,channels_first) -> swap -> gavgpool1d",
        "in(3,100) -> conv1d(8,3,channels_first) -> dense(10,relu) -> gavgpool1d(channels_first)",
        "in(1,8,8) -> conv2d(4,3,channels_first,same) -> gavgpool2d(channels_first) -> dense(2,softmax)",
        "in(8,8,1) -> conv2d(4,3,data_format=channels_last) -> batchnorm -> conv2d(4,3)",
        "in(1,8,8) -> res(conv2d(1,3,channels_first,same)) -> batchnorm(1) -> conv2d(4,3,channels_first)",
    ],
)
def test_fault_e2_one_data_format_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST670") == []


def test_fault_e2_several_layers_are_told_together() -> None:
    found = assert_found(
        "in(1,8,8) -> conv2d(4,3,channels_first,same) -> batchnorm -> conv2d(4,3,same)", "ST670", "batchnorm"
    )
    assert [label.text for label in found.labels] == ["puts the channels first", "so does this"]


@pytest.mark.parametrize(
    ("spec", "right"),
    [
        (
            "in(16,128,3) -> reshape(16,128*3) -> bi(gru(8)) -> dense(2)",
            "in(16,128,3) -> permute(2,1,3) -> reshape(128,16*3) -> bi(gru(8)) -> dense(2)",
        ),
        (
            "in(32,128,1) -> conv2d(8,3,same) -> maxpool2d(2) -> td(flatten) -> dense(9) -> lstm(8,seq)",
            "in(32,128,1) -> conv2d(8,3,same) -> maxpool2d(2) -> permute(2,1,3) -> td(flatten) -> dense(9) "
            "-> lstm(8,seq)",
        ),
        (
            "in(16,64,1) -> conv2d(8,3,same) -> reshape(16,?) -> lstm(8)",
            "in(16,64,1) -> conv2d(8,3,same) -> permute(2,1,3) -> reshape(64,16*8) -> lstm(8)",
        ),
    ],
)
def test_fault_e4_rows_of_a_line_of_text_as_steps_are_asked_about(spec: str, right: str) -> None:
    (found,) = findings(spec, "ST671")
    assert found.severity == "info"
    assert "which axis is time?" in found.message
    assert assert_mended(spec, "ST671") == [right]


@pytest.mark.parametrize(
    "spec",
    [
        "in(28,28,1) -> reshape(28,28) -> lstm(3)",
        "in(128,16,1) -> reshape(128,16) -> lstm(3)",
        "in(16,128,3) -> permute(2,1,3) -> reshape(128,16*3) -> lstm(3)",
        "in(10,64,8) -> reshape(10,512) -> lstm(3)",
        "in(8,32,32,3) -> td(flatten) -> lstm(3)",
        "in(T,64,3) -> reshape(T,192) -> lstm(3)",
        "in(5,10,3) -> td(flatten) -> lstm(3)",
    ],
)
def test_fault_e4_rows_that_may_be_steps_are_left_alone(spec: str) -> None:
    assert findings(spec, "ST671") == []


@pytest.mark.parametrize(
    ("spec", "right"),
    [
        ("in(12,7,5) -> reshape(7,12*5) -> gru(8)",
         "in(12,7,5) -> permute(2,1,3) -> reshape(7,12*5) -> gru(8)"),
        ("in(12,7,5) -> reshape(7,?) -> gru(8)", "in(12,7,5) -> permute(2,1,3) -> reshape(7,?) -> gru(8)"),
        (
            "let H = 12, W = 7\nin(H,W,5) -> reshape(W,H*5) -> gru(8)",
            "let H = 12, W = 7\nin(H,W,5) -> permute(2,1,3) -> reshape(W,H*5) -> gru(8)",
        ),
        ("in(16,128,3) -> reshape(128,(16)*3) -> gru(8)",
         "in(16,128,3) -> permute(2,1,3) -> reshape(128,(16)*3) -> gru(8)"),
        ("in(12,7,5) -> reshape(7*5,12) -> gru(8)",
         "in(12,7,5) -> permute(2,3,1) -> reshape(7*5,12) -> gru(8)"),
        ("in(12,7,5) -> reshape(5,84) -> gru(8)", "in(12,7,5) -> permute(3,1,2) -> reshape(5,84) -> gru(8)"),
        (
            "in(10,12,7,5) -> reshape(10,7,12*5) -> td(gru(8))",
            "in(10,12,7,5) -> permute(1,3,2,4) -> reshape(10,7,12*5) -> td(gru(8))",
        ),
        ("in(3,32,32) -> reshape(32,32,3) -> conv2d(8,3)", "in(3,32,32) -> permute(2,3,1) -> conv2d(8,3)"),
        ("in(H,W,C) -> reshape(W,H*C) -> td(dense(3))",
         "in(H,W,C) -> permute(2,1,3) -> reshape(W,H*C) -> td(dense(3))"),
    ],
)  # fmt: skip
def test_fault_e4_a_product_in_a_reshape_does_not_hide_turned_axes(spec: str, right: str) -> None:
    (found,) = findings(spec, "ST605")
    assert [fix.apply(spec) for fix in found.fixes] == [right]


@pytest.mark.parametrize(
    "spec",
    [
        "let T = 20\nin(T,10) -> reshape(T//2,2*_) -> lstm(8)",
        "in(24,3) -> reshape(3,8*3) -> lstm(8)",
        "in(12,7,5) -> reshape(12,7*5) -> gru(8)",
        "in(12,7,5) -> reshape(12*7,5) -> gru(8)",
        "in(6,4) -> reshape(8,3)",
    ],
)
def test_fault_e4_what_joins_or_folds_whole_steps_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST605") == []


@pytest.mark.parametrize(
    ("spec", "mended"),
    [
        (
            "in(3,32,32) -> conv2d(8,3,same) -> gavgpool2d",
            [
                "in(3,32,32) -> permute(2,3,1) -> conv2d(8,3,same) -> gavgpool2d",
                "in(32,32,3) -> conv2d(8,3,same) -> gavgpool2d",
            ],
        ),
        (
            "in(32,32,3) -> conv2d(8,3,same,channels_first) -> gavgpool2d(channels_first)",
            ["in(32,32,3) -> conv2d(8,3,same) -> gavgpool2d"],
        ),
    ],
)
def test_an_image_whose_channels_stand_at_the_other_end_is_found(spec: str, mended: list[str]) -> None:
    assert assert_mended(spec, "ST672") == mended


@pytest.mark.parametrize(
    "spec",
    [
        "in(32,32,3) -> conv2d(8,3) -> gavgpool2d",
        "in(3,32,32) -> conv2d(8,3,channels_first) -> gavgpool2d(channels_first)",
        "in(3,64,16) -> conv2d(8,3,same) -> gavgpool2d",
        "in(4,8,8) -> conv2d(8,3,same) -> gavgpool2d",
    ],
)
def test_an_image_as_its_layer_reads_it_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST672") == []
