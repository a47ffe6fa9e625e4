"""Rules on what keeps a model from learning: rates, penalties, kernels, activations between layers."""

from __future__ import annotations

import pytest

from tests.support.lints import assert_found, assert_mended, findings

BODY = "in(24,3) -> lstm(8)"


def trained(optimizer: str, head: str = "dense(1)") -> str:
    """A spec with this optimizer."""
    return f"{BODY} -> {head}\ntrain {optimizer}, loss=mse"


CASES = [
    (trained("adam(exponential_decay(0.01,1,0.96))"), "ST681", "1"),
    (trained("sgd(learning_rate=exponential_decay(0.01,decay_steps=10,decay_rate=0.5))"), "ST681", "10"),
    (trained("adam(cosine_decay(0.001,20))"), "ST681", "20"),
    (trained("sgd(polynomial_decay(0.1,30))"), "ST681", "30"),
    (trained("adamw(1e-3,weight_decay=10)"), "ST682", "10"),
    (trained("adam", "dense(1,kernel_regularizer=l2(5))"), "ST682", "5"),
    ("in(24,3) -> bi(lstm(8,recurrent_regularizer=l1_l2(1e-4,2))) -> dense(1)", "ST682", "2"),
    (f"{BODY} -> dense(16,softmax) -> dense(4,softmax)", "ST695", "dense(16,softmax)"),
    (f"{BODY} -> dense(16,softmax) -> dropout(0.1) -> dense(1)", "ST695", "dense(16,softmax)"),
    (
        f"{BODY} -> dense(8,relu,kernel_initializer=zeros) -> dense(1)",
        "ST696",
        "dense(8,relu,kernel_initializer=zeros)",
    ),
    (
        f"{BODY} -> dense(8,kernel_initializer=constant(0.1)) -> relu -> dense(1)",
        "ST696",
        "dense(8,kernel_initializer=constant(0.1))",
    ),
]


@pytest.mark.parametrize(("spec", "code", "at"), CASES)
def test_what_keeps_a_model_from_learning_is_found_and_mended(spec: str, code: str, at: str) -> None:
    assert_found(spec, code, at)
    assert assert_mended(spec, code)


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        (trained("adam(exponential_decay(0.01,1000,0.96))"), "ST681"),
        (trained("adam(exponential_decay(0.01,1,0.999))"), "ST681"),
        (trained("adam(cosine_decay(0.001,20,alpha=0.5))"), "ST681"),
        (trained("adam(cosine_decay(1e-4,20,warmup_target=0.001,warmup_steps=1000))"), "ST681"),
        (trained("sgd(polynomial_decay(0.1,30,cycle=true))"), "ST681"),
        (trained("adam(1e-3)"), "ST681"),
        (trained("adamw(1e-3,weight_decay=0.1)"), "ST682"),
        (trained("adam", "dense(1,kernel_regularizer=l2(0.01))"), "ST682"),
        (f"{BODY} -> dense(4,softmax)", "ST695"),
        ("in(4,6) as x\nx -> dense(6,softmax) as w\n[x, w] -> mul -> flatten -> dense(1)", "ST695"),
        (f"{BODY} -> dense(1,kernel_initializer=zeros)", "ST696"),
        (f"{BODY} -> res(dense(8,kernel_initializer=zeros)) -> dense(1)", "ST696"),
        (f"{BODY} -> dense(1,relu,kernel_initializer=ones) -> dense(1)", "ST696"),
        (f"{BODY} -> dense(8,bias_initializer=zeros) -> dense(1)", "ST696"),
    ],
)
def test_what_is_right_is_not_found(spec: str, code: str) -> None:
    assert findings(spec, code) == []


def test_a_distance_of_class_ids_and_a_pool_of_one_step_are_found() -> None:
    spec = f"{BODY} -> dense(4,softmax)\ntrain adam, loss=sparse_categorical_crossentropy, metrics=[mae]"
    assert_found(spec, "ST685", "mae")
    assert assert_mended(spec, "ST685")
    assert_found("in(24,8) -> gmaxpool1d(keepdims) -> lstm(8)", "ST601", "gmaxpool1d(keepdims)")
    assert findings("in(24,8) -> maxpool1d(2) -> lstm(8)", "ST601") == []
