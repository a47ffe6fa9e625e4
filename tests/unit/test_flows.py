"""The meaning of each form of the language: the values that flow, shared layers, names."""

from __future__ import annotations

import pytest

import seqtopo
from seqtopo.layers.sizes import show_shape


def _layers(spec: str, **dims: int) -> list[str]:
    """Every call of a clean spec, as ``name: layer gives shape``."""
    report = seqtopo.check(spec, **dims)
    assert report.diagnostics == (), report.diagnostics
    return [f"{s.name}: {s.layer} gives {' '.join(map(show_shape, s.outputs))}" for s in report.shapes]


def _params(spec: str) -> str:
    report = seqtopo.check(spec)
    assert report.diagnostics == (), report.diagnostics
    return str(report.params)


def _outputs(spec: str) -> dict[str, str]:
    report = seqtopo.check(spec)
    assert report.diagnostics == (), report.diagnostics
    return {name: show_shape(shape) for name, shape in report.outputs.items()}


def _only(spec: str, code: str) -> str:
    found = seqtopo.check(spec).diagnostics
    assert [d.code for d in found] == [code], [(d.code, d.message) for d in found]
    return found[0].message


class TestSharing:
    def test_a_block_is_the_same_layers_each_time(self) -> None:
        once = _params("b = dense(8)\nin(8) -> b")
        assert _params("b = dense(8)\nin(8) -> b -> b") == once
        assert _params("b = dense(8)\nin(8) -> b * 3") == once

    def test_a_macro_makes_fresh_layers_each_time(self) -> None:
        assert _params("def b() = dense(8)\nin(8) -> b() -> b()") == "144"

    def test_copies_of_layers_and_groups_are_fresh(self) -> None:
        assert _params("in(8) -> dense(8) * 3") == "216"
        assert _params("in(8) -> (dense(8) -> relu) * 3") == "216"

    def test_a_block_inside_a_copy_is_still_shared(self) -> None:
        assert _params("b = dense(8)\nin(8) -> (b -> dense(8)) * 3") == str(72 + 3 * 72)

    def test_a_macro_inside_a_block_is_made_once(self) -> None:
        assert _params("def r() = dense(8)\nb = r() -> r()\nin(8) -> b -> b") == "144"

    def test_a_layer_given_to_a_macro_by_name_is_made_where_the_macro_is(self) -> None:
        assert _params("def r(A) = dense(8) -> A\nb = r(relu)\nin(8) -> b -> b") == "72"

    def test_two_inputs_through_one_block(self) -> None:
        spec = (
            "tok = embed(50,4)\na = in(7,int)\nb = in(9,int)\n"
            "[a -> tok -> lstm(3), b -> tok -> lstm(3)] -> concat"
        )
        assert [line for line in _layers(spec) if line.startswith("tok")] == [
            "tok: embed(50,4) gives (7, 4)",
            "tok: embed(50,4) gives (9, 4)",
        ]
        assert _params(spec) == str(200 + 2 * 96)

    def test_a_block_in_td_shares_with_its_other_uses(self) -> None:
        spec = "d = dense(4)\nx = in(5,4)\n[x -> td(d), x -> d] -> concat"
        report = seqtopo.check(spec)
        assert report.ok
        assert report.params == 20

    def test_a_shared_layer_keeps_its_width(self) -> None:
        assert "shared" in _only("d = dense(4)\nin(3) -> d -> d", "ST311")


class TestModels:
    def test_a_model_applied_to_a_value_shares_its_layers(self) -> None:
        spec = "enc = in(4) -> dense(3)\na = in(4)\nb = in(4)\n[a -> enc, b -> enc] -> concat"
        assert _params(spec) == "15"

    def test_the_inputs_of_a_model_that_is_applied_are_not_inputs_of_the_whole(self) -> None:
        spec = "dec = in(4) -> repeat(5) -> lstm(3,seq)\nin(9,2) -> lstm(4) -> dec"
        assert [line for line in _layers(spec) if ": in " in line] == ["input: in gives (9, 2)"]

    def test_several_inputs_come_as_a_list_in_their_order(self) -> None:
        spec = "a = in(3)\nb = in(4)\nboth = [a, b] -> concat\nx = in(3)\ny = in(4)\n[x, y] -> both"
        assert _outputs(spec) == {"both_concat": "(7,)"}
        assert "takes 2 values" in _only(spec.replace("[x, y]", "x"), "ST314")
        _only(spec.replace("[x, y]", "[y, x]"), "ST302")

    def test_parentheses_do_not_change_what_a_name_is(self) -> None:
        spec = "enc = in(4) -> dense(4)\nin(4) -> (enc)"
        assert _layers(spec)[0] == "input: in gives (4,)"
        assert _params(spec) == "20"
        assert _params("enc = in(4) -> dense(4)\n(enc) -> dense(1)") == "25"

    def test_a_source_behind_an_arrow_is_refused(self) -> None:
        assert "would be lost" in _only("x = in(4)\nx -> in(3)", "ST213")
        assert "would be lost" in _only("x = in(4)\ny = in(4)\nz = in(4)\nz -> [x, y] -> add", "ST213")


class TestBranches:
    def test_each_branch_gets_the_value(self) -> None:
        assert _outputs("in(6,4) -> [lstm(3,seq), conv1d(5,3,same), id] -> concat") == {"concat": "(6, 12)"}

    def test_a_branch_with_a_source_ignores_it(self) -> None:
        assert _outputs("m = in(6,4)\nin(6,4) -> [id, m -> dense(4)] -> add") == {"add": "(6, 4)"}

    def test_res(self) -> None:
        assert _outputs("in(6,4) -> res(lstm(4,seq))") == {"add": "(6, 4)"}
        assert _params("in(4) -> res(res(dense(4)))") == "20"

    def test_outputs_are_named_after_their_bindings(self) -> None:
        spec = "x = in(6,4) -> lstm(8)\nlevel = x -> dense(1)\nkind = x -> dense(3)\n[level, kind]"
        assert _outputs(spec) == {"level": "(1,)", "kind": "(3,)"}

    def test_a_list_into_one_layer(self) -> None:
        assert "takes one value" in _only("a = in(3)\n[a, a] -> dense(2)", "ST214")

    def test_two_flows_joined_by_plus(self) -> None:
        message = seqtopo.check("in(3) -> (dense(3) + dense(3))").diagnostics[0]
        assert message.code == "ST213"
        assert message.fixes[0].apply("in(3) -> (dense(3) + dense(3))") == (
            "in(3) -> ([dense(3), dense(3)] -> add)"
        )


class TestNames:
    def test_as_names_the_layer_and_the_value(self) -> None:
        spec = "in(6,4) -> lstm(8,seq) as begin -> lstm(8,seq) -> [begin, id] -> add"
        assert "begin: lstm(8) gives (6, 8)" in _layers(spec)

    def test_as_names_the_step_before_it(self) -> None:
        assert _layers("in(4) -> dense(3) -> dense(2) as two")[-1].startswith("two: ")

    def test_a_branch_may_begin_with_what_an_earlier_one_names(self) -> None:
        assert _outputs("[in(5,4) as x, x -> flip]") == {"x": "(5, 4)", "flip": "(5, 4)"}
        assert _outputs("[in(5,4) as x, x]") == {"x": "(5, 4)", "x_1": "(5, 4)"}
        assert _outputs("[in(8) as x, x -> dense(3) as y, [x, y] -> concat] -> concat") == {
            "concat_1": "(22,)"
        }
        assert "there is no layer x" in _only("[x -> flip, in(5,4) as x]", "ST201")
        assert "nothing comes into lstm(3)" in _only("[in(5,4) as x, lstm(3)]", "ST210")

    def test_as_collects_in_a_for(self) -> None:
        spec = "in(9,4) -> (conv1d(4,2,causal,dilation_rate=D) as skips) for D in [1,2,4]\nskips -> add"
        assert _outputs(spec) == {"add": "(9, 4)"}
        assert [line.split(":")[0] for line in _layers(spec)] == [
            "input",
            "skips",
            "skips_1",
            "skips_2",
            "add",
        ]

    def test_a_collected_name_is_spliced(self) -> None:
        spec = "in(9,4) as x -> (dense(4) as s) * 2 -> [x, s] -> concat"
        assert _outputs(spec) == {"concat": "(9, 12)"}

    def test_names_inside_a_macro_are_its_own(self) -> None:
        spec = "def r() = dense(4) as h -> dense(4) -> [h, id] -> add\nin(4) -> r() -> r()"
        assert _outputs(spec) == {"r_add_1": "(4,)"}
        assert "nothing is bound to that name" in seqtopo.check(spec + " -> h").diagnostics[0].message

    def test_inputs_are_named_by_as_or_by_their_binding(self) -> None:
        spec = "title = in(5)\n[title, in(6) as body, in(7)] -> concat"
        assert [line.split(":")[0] for line in _layers(spec)] == ["title", "body", "input", "concat"]

    def test_inputs_come_in_the_order_of_the_text(self) -> None:
        spec = "b = in(5)\na = in(6)\n[a, b] -> concat"
        assert [line.split(":")[0] for line in _layers(spec)[:2]] == ["b", "a"]

    def test_default_names_begin_with_the_binding(self) -> None:
        spec = "enc = in(4,2) -> lstm(3,seq) -> lstm(2)\nenc -> dense(1)"
        assert [line.split(":")[0] for line in _layers(spec)] == ["input", "enc_lstm", "enc_lstm_1", "dense"]

    @pytest.mark.parametrize("name", ["lstm", "res", "relu", "let", "id", "max_pooling1d"])
    def test_a_name_that_is_taken(self, name: str) -> None:
        found = seqtopo.check(f"in(3) -> dense(2) as {name}").diagnostics
        assert [d.code for d in found][:1] in (["ST207"], ["ST102"])

    def test_a_name_is_bound_once(self) -> None:
        _only("a = in(3)\na = in(4)\na -> dense(1)", "ST207")

    def test_used_before_it_is_bound(self) -> None:
        _only("a -> dense(1)\na = in(3)", "ST206")


class TestDimensions:
    def test_let_def_and_train_stand_anywhere(self) -> None:
        assert (
            _params("in(N) -> r()\ndef r() = dense(M)\ntrain sgd, loss=mse\nlet N = 2*M\nlet M = 3") == "21"
        )

    def test_a_binding_from_outside_wins(self) -> None:
        spec = "let N = 3\nin(N) -> dense(2)"
        assert seqtopo.check(spec).params == 8
        assert seqtopo.check(spec, N=5).params == 12

    def test_a_binding_that_nothing_uses(self) -> None:
        found = seqtopo.check("in(T,3) -> lstm(2)", S=4).diagnostics
        assert [d.code for d in found] == ["ST406"]

    def test_arithmetic(self) -> None:
        assert _outputs("let A = (2+3)*4 - 7//2 - 5%3\nin(A)") == {"input": "(15,)"}
        assert _outputs("in(T-2+2,F)") == {"input": "(T, F)"}

    def test_underscore_is_the_width(self) -> None:
        assert _outputs("in(5,8) -> dense(_//2) -> conv1d(_,1)") == {"conv1d": "(5, 4)"}
        assert _outputs("def ffn(N) = dense(4*N,relu) -> dense(N)\nin(8) -> ffn(_)") == {
            "ffn_dense_1": "(8,)"
        }

    def test_is(self) -> None:
        assert _outputs("in(T,8) -> lstm(64,seq) -> is(T,64) -> lstm(2)") == {"lstm_1": "(2,)"}
        assert _outputs("in(T,8) -> is(?,8)") == {"input": "(T, 8)"}
        _only("in(T,8) -> lstm(64) -> is(T,64)", "ST305")
        _only("in(T,8) -> is(S,8)", "ST305")

    def test_two_symbols_are_never_provably_equal(self) -> None:
        _only("a = in(T,4)\nb = in(S,4)\n[a, b] -> add", "ST303")
        assert _outputs("a = in(?,4)\nb = in(?,4)\n[a, b] -> add") == {"add": "(?, 4)"}

    def test_a_circle(self) -> None:
        _only("let A = B, B = A\nin(A) -> dense(1)", "ST208")

    def test_for_binds_several_and_goes_through_ranges(self) -> None:
        assert _outputs("in(20,3) -> conv1d(F,K) for F, K in [(8,3), (4,5)]") == {"conv1d_1": "(14, 4)"}
        assert _params("in(1) -> dense(N) for N in [1..3]") == str(2 + 4 + 9)

    def test_for_over_words_and_tuples(self) -> None:
        assert _outputs("in(8,8,1) -> conv2d(2,K,A) for K, A in [((3,3),relu), ((1,3),tanh)]") == {
            "conv2d_1": "(6, 4, 2)"
        }


class TestStates:
    def test_init_hands_the_states_over(self) -> None:
        spec = "enc = in(S,4) -> lstm(8)\nin(T,3) -> lstm(8,seq,init=enc.state)"
        assert _outputs(spec) == {"lstm": "(T, 8)"}
        assert seqtopo.check(spec).kind == "many-to-many, delayed"

    def test_a_state_is_a_value_too(self) -> None:
        assert _outputs("e = in(5,4) -> lstm(8,seq)\n[e, e.state]") == {
            "e": "(5, 8)",
            "e_state_0": "(8,)",
            "e_state_1": "(8,)",
        }
        assert _outputs("e = in(5,4) -> gru(8)\n[e, e.state] -> concat") == {"concat": "(16,)"}

    def test_the_last_recurrent_layer_of_a_flow(self) -> None:
        spec = "e = in(5,4) -> lstm(8,seq) -> gru(3,seq) -> dense(7)\ne.state -> dense(1)"
        assert _params(spec).isdigit()
        assert _outputs(spec) == {"dense": "(1,)"}

    def test_a_two_directional_state_goes_to_a_wider_layer(self) -> None:
        spec = "e = in(5,4) -> bi(lstm(8))\nin(T,3) -> lstm(16,seq,init=e.state)"
        assert _outputs(spec) == {"lstm": "(T, 16)"}

    def test_of_another_number_or_width(self) -> None:
        _only("e = in(5,4) -> gru(8)\nin(T,3) -> lstm(8,init=e.state)", "ST304")
        _only("e = in(5,4) -> lstm(8)\nin(T,3) -> lstm(9,init=e.state)", "ST304")
        _only("e = in(5,4) -> lstm(8)\nin(T,3) -> bi(lstm(8),init=e.state)", "ST304")
        _only("e = in(5,4) -> gru(8,seq)\nin(T,3) -> gru(8,init=e)", "ST304")

    def test_values_as_states(self) -> None:
        assert _outputs("h = in(8)\nc = in(8)\nin(T,3) -> lstm(8,init=[h, c])") == {"lstm": "(8,)"}

    def test_scores_of_attention(self) -> None:
        assert _outputs("x = in(6,4)\na = [x, x] -> attention\n[a, a.scores]") == {
            "a": "(6, 4)",
            "a_scores": "(6, 6)",
        }

    def test_no_such_second_value(self) -> None:
        _only("d = in(4) -> dense(3)\nd.state -> dense(1)", "ST216")
        _only("in(T,3) -> lstm(4,return_state=true)", "ST215")


class TestTimeDistributed:
    def test_of_a_flow_is_one_sub_model(self) -> None:
        spec = "in(5,32,32,3) -> td(conv2d(8,3,relu) -> maxpool2d(2) -> flatten)"
        assert _layers(spec)[-1].endswith("gives (5, 1800)")

    def test_of_a_named_model(self) -> None:
        spec = "sentence = in(9,int) -> embed(50,4) -> lstm(3)\nin(7,9,int) -> td(sentence) -> lstm(2)"
        assert _params(spec) == str(200 + 96 + 48)

    def test_values_from_outside_cannot_enter(self) -> None:
        _only("m = in(5)\nin(7,5) -> td([id, m] -> add)", "ST313")

    def test_on_a_vector(self) -> None:
        found = seqtopo.check("in(T,4) -> lstm(8) -> td(dense(2))").diagnostics
        assert [d.code for d in found] == ["ST301"]
        assert any("seq" in f.edits[0].text for f in found[0].fixes)


class TestMacros:
    def test_a_flow_is_given_to_a_macro(self) -> None:
        spec = (
            "def attend(F) = res(F -> dropout(0.1)) -> norm\n"
            "in(T,16) -> attend(mha(2,8)) -> attend(dense(32,relu) -> dense(_//2))"
        )
        assert _outputs(spec) == {"attend_norm_1": "(T, 16)"}

    def test_each_use_of_a_given_flow_is_fresh(self) -> None:
        assert _params("def twice(L) = L -> L\nin(4) -> twice(dense(4))") == "40"

    def test_a_given_block_is_still_shared(self) -> None:
        assert _params("b = dense(4)\ndef twice(L) = L -> L\nin(4) -> twice(b)") == "20"

    def test_a_given_value_is_that_value(self) -> None:
        spec = "def cross(M) = [id, M] -> mha(2,4)\nm = in(9,8)\nin(5,8) -> cross(m)"
        assert _outputs(spec) == {"cross_mha": "(5, 8)"}

    def test_a_given_layer_in_a_wrapper(self) -> None:
        assert _outputs("def each(L) = td(L)\nin(5,4) -> each(dense(3)) -> each(relu)") == {
            "each_td_1": "(5, 3)"
        }
        assert _outputs("def both(L) = bi(L)\nin(5,4) -> both(gru(3,seq))") == {"both_bi": "(5, 6)"}

    def test_a_layer_by_name_is_called_with_arguments(self) -> None:
        assert _outputs("def cell(L, N) = L(N,seq)\nin(5,4) -> cell(gru,3) -> cell(lstm,2)") == {
            "cell_lstm": "(5, 2)"
        }

    def test_a_for_goes_through_flows(self) -> None:
        assert _outputs("in(9,4) -> L for L in [lstm(8,seq), gru(3,seq), conv1d(2,3)]") == {
            "conv1d": "(7, 2)"
        }

    def test_a_macro_sees_the_spec_and_not_who_uses_it(self) -> None:
        spec = "def inner() = dense(N)\ndef outer(N) = inner()\nin(3) -> outer(7)"
        assert _outputs(spec) == {"inner_dense": "(N,)"}

    def test_a_flow_where_a_number_belongs(self) -> None:
        _only("def f(N) = dense(N)\nin(3) -> f(relu -> tanh)", "ST213")

    def test_a_number_where_a_flow_belongs(self) -> None:
        _only("def f(F) = res(F)\nin(3) -> f(7)", "ST213")

    def test_a_value_that_was_named_just_before_is_not_lost(self) -> None:
        spec = "t = in(4)\nin(4) -> dense(4) as a -> [t, t] -> add -> [id, a] -> mul"
        assert _outputs(spec) == {"mul": "(4,)"}


class TestNothingRaises:
    @pytest.mark.parametrize(
        ("spec", "code"),
        [
            ("enc = in(5,3) -> lstm(4)\n[enc, encoder.state]", "ST206"),
            ("in(T,3) -> lstm(4) as l\n[l, l.stat]", "ST216"),
            ("in(T,3) -> dense(4) as d\n[d, d.state]", "ST216"),
            ("block = lstm(4)\n[in(5,3), block.state]", "ST216"),
            ("[in(T,3) -> lstm(4) as l, l.scores]", "ST216"),
            ("in(4) -> [id, nobody.state, id.state]", "ST206"),
        ],
    )
    def test_fault_b1_a_second_value_that_is_not_there(self, spec: str, code: str) -> None:
        assert code in [d.code for d in seqtopo.check(spec).diagnostics]

    @pytest.mark.parametrize(
        "spec",
        [
            "in(4,3) -> []",
            "in(4,3) -> [[]]",
            "in(4,3) -> [] as c",
            "in(4,3) -> ([])",
            "in(4,3) -> [[], id] -> concat",
            "in(4,3) -> res([])",
            "in(4,3) -> td([])",
            "in(4,3) -> lstm(3,init=[])",
            "b = []\nin(3) -> b",
            "def r(N) = []\nin(3) -> r(3)",
            "[]",
            "[] -> dense(3)",
        ],
    )
    def test_fault_b3_a_list_without_a_branch(self, spec: str) -> None:
        assert "has no branch" in _only(spec, "ST213")

    def test_what_is_no_size_in_an_assertion(self) -> None:
        assert "takes sizes" in _only("in(4) -> is(l2(0.1))", "ST203")


def test_a_name_for_nothing_is_refused_where_it_is_given() -> None:
    found = seqtopo.check("in(4,3) -> [lstm(4,seq) for K in [] as e] -> td(e)").diagnostics
    assert [d.code for d in found] == ["ST213", "ST201"]


def test_fault_b1_a_flow_without_a_source_that_is_too_long_is_refused_once() -> None:
    (found,) = seqtopo.check("encoder = lstm(8,seq) * 1000000").diagnostics
    assert found.code == "ST211"
