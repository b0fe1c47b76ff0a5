//! Models made to hurt: small files that ask for much. Each has a name, its bytes, and a part of
//! the error that it must give.

use crate::build::{Model, float, floats, int, ints, list, number, tensor, text};
use tract_onnx::pb::{
    AttributeProto, GraphProto, NodeProto, StringStringEntryProto, tensor_proto::DataType,
};

const SUPPORTED: &str = "no operator of a pose network that is supported";
const CONSTANT: &str = "is no constant";

/// `x` plus a constant that is computed: `make` gives it the name `big`.
fn plus(make: Model) -> Vec<u8> {
    make.node("Add", "x big", "y", &[]).bytes()
}

pub fn models() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let mut all = constants();
    all.extend(windows());
    all.extend(graphs());
    all.extend(files());
    all
}

fn constants() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let m = Model::new;
    let one = || m().constant(floats("one", &[1], &[1.0]));
    let far = "it makes up to";
    let doubled = (0..60).fold(
        m().constant(ints("two", &[2]))
            .constant(floats("t0", &[1], &[1.0])),
        |m, i| m.node("Tile", &format!("t{i} two"), &format!("t{}", i + 1), &[]),
    );
    let concats = (0..30).fold(one().node("Identity", "one", "c0", &[]), |m, i| {
        m.node(
            "Concat",
            &format!("c{i} c{i} c{i}"),
            &format!("c{}", i + 1),
            &[number("axis", 0)],
        )
    });
    vec![
        (
            "constant_of_shape",
            plus(m().constant(ints("s", &[1 << 20, 1 << 20])).node(
                "ConstantOfShape",
                "s",
                "big",
                &[],
            )),
            far,
        ),
        (
            "constant_of_shape_max",
            plus(
                m().constant(ints("s", &[i64::MAX, 4]))
                    .node("ConstantOfShape", "s", "big", &[]),
            ),
            far,
        ),
        (
            "constant_of_shape_min",
            plus(
                m().constant(ints("s", &[i64::MIN]))
                    .node("ConstantOfShape", "s", "big", &[]),
            ),
            "the size -9",
        ),
        (
            "expand",
            plus(one().constant(ints("s", &[1 << 31, 1 << 31])).node(
                "Expand",
                "one s",
                "big",
                &[],
            )),
            far,
        ),
        (
            "tile",
            plus(
                one()
                    .constant(ints("s", &[1 << 40]))
                    .node("Tile", "one s", "big", &[]),
            ),
            far,
        ),
        (
            "tile_doubled",
            plus(doubled.node("Identity", "t60", "big", &[])),
            "tract does not fold",
        ),
        (
            "concat_tripled",
            plus(concats.node("Identity", "c30", "big", &[])),
            "tract does not fold",
        ),
        (
            "range",
            plus(
                m().constant(int("a", 0))
                    .constant(int("b", i64::MAX))
                    .constant(int("c", 1))
                    .node("Range", "a b c", "big", &[]),
            ),
            far,
        ),
        (
            "range_of_step_nought",
            plus(
                m().constant(int("a", 0))
                    .constant(int("b", 9))
                    .constant(int("c", 0))
                    .node("Range", "a b c", "big", &[]),
            ),
            "in steps of 0",
        ),
        (
            "pad",
            plus(
                one()
                    .constant(ints("p", &[1 << 40, 1 << 40]))
                    .node("Pad", "one p", "big", &[]),
            ),
            "pads of",
        ),
        (
            "pad_24",
            plus(
                m().constant(floats("o", &[1, 1], &[1.0]))
                    .constant(ints("p", &[1 << 24; 4]))
                    .node("Pad", "o p", "big", &[]),
            ),
            far,
        ),
        (
            "resize_sizes",
            m().constant(ints("s", &[1, 3, 1 << 30, 1 << 30]))
                .node("Resize", "x _ _ s", "y", &[])
                .bytes(),
            "shape",
        ),
        (
            "resize_scales",
            m().constant(floats("s", &[4], &[1.0, 1.0, 1e9, 1e9]))
                .node("Resize", "x _ s", "y", &[])
                .bytes(),
            "shape",
        ),
        (
            "resize_channels",
            m().constant(floats("s", &[4], &[1e9, 1e9, 1.0, 1.0]))
                .node("Resize", "x _ s", "y", &[])
                .bytes(),
            far,
        ),
        (
            "resize_nan",
            m().constant(floats("s", &[4], &[f32::NAN; 4]))
                .node("Resize", "x _ s", "y", &[])
                .bytes(),
            "scales of",
        ),
        (
            "upsample",
            m().constant(floats("s", &[4], &[1e9; 4]))
                .node("Upsample", "x s", "y", &[])
                .bytes(),
            far,
        ),
        (
            "sizes_from_the_picture",
            m().node("ReduceSum", "x", "s", &[number("keepdims", 0)])
                .node("ConstantOfShape", "s", "y", &[])
                .bytes(),
            CONSTANT,
        ),
        (
            "broadcast",
            plus(
                m().constant(floats("col", &[20_000, 1], &[0.0; 20_000]))
                    .constant(floats("row", &[1, 20_000], &[0.0; 20_000]))
                    .node("Mul", "col row", "big", &[]),
            ),
            far,
        ),
        (
            "matrix_product",
            plus(
                m().constant(floats("col", &[20_000, 1], &[0.0; 20_000]))
                    .constant(floats("row", &[1, 20_000], &[0.0; 20_000]))
                    .node("MatMul", "col row", "big", &[]),
            ),
            far,
        ),
        (
            "one_hot",
            plus(
                m().constant(ints("i", &[0]))
                    .constant(int("d", 1 << 40))
                    .constant(floats("v", &[2], &[0.0, 1.0]))
                    .node("OneHot", "i d v", "big", &[]),
            ),
            SUPPORTED,
        ),
        (
            "random",
            plus(m().node(
                "RandomNormal",
                "",
                "big",
                &[list("shape", &[1 << 30, 1 << 30])],
            )),
            SUPPORTED,
        ),
        (
            "eye",
            plus(
                m().constant(floats("o", &[4, 4], &[0.0; 16]))
                    .node("EyeLike", "o", "big", &[]),
            ),
            SUPPORTED,
        ),
        (
            "window_function",
            plus(
                m().constant(int("n", i64::MAX))
                    .node("HannWindow", "n", "big", &[]),
            ),
            SUPPORTED,
        ),
    ]
}

fn windows() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let conv = || Model::new().constant(floats("w", &[17, 3, 3, 3], &[0.1; 17 * 27]));
    let with = |name: &str, values: &[i64]| {
        conv()
            .node("Conv", "x w", "y", &[list(name, values)])
            .bytes()
    };
    let pool = |k: &[i64], s: &[i64]| {
        Model::new()
            .node(
                "MaxPool",
                "x",
                "y",
                &[list("kernel_shape", k), list("strides", s)],
            )
            .bytes()
    };
    let up = |name: &str, v: &[i64]| {
        Model::new()
            .constant(floats("w", &[3, 17, 3, 3], &[0.1; 17 * 27]))
            .node("ConvTranspose", "x w", "y", &[list(name, v)])
            .bytes()
    };
    let chain = (0..9000).fold(
        conv().node("Conv", "x w", "a0", &[list("pads", &[1; 4])]),
        |m, i| m.node("Add", &format!("a{i} a0"), &format!("a{}", i + 1), &[]),
    );
    let shared = (0..2000).fold(
        Model::new()
            .constant(floats("w", &[256, 256, 1, 1], &[0.0; 65536]))
            .constant(floats("v", &[256, 3, 1, 1], &[0.0; 768]))
            .node("Conv", "x v", "a0", &[list("strides", &[31, 31])]),
        |m, i| m.node("Conv", &format!("a{i} w"), &format!("a{}", i + 1), &[]),
    );
    vec![
        (
            "conv_pads",
            with("pads", &[1 << 40; 4]),
            "beyond any picture",
        ),
        ("conv_pads_2000", with("pads", &[2000; 4]), "pads of 2000"),
        (
            "conv_negative_pads",
            with("pads", &[i64::MIN; 4]),
            "beyond any picture",
        ),
        (
            "conv_dilations",
            with("dilations", &[1 << 30; 2]),
            "dilations of",
        ),
        (
            "conv_stride_nought",
            with("strides", &[0, 0]),
            "strides of 0",
        ),
        ("conv_kernel_shape", with("kernel_shape", &[500, 500]), ""),
        (
            "conv_groups",
            conv()
                .node("Conv", "x w", "y", &[number("group", -1)])
                .bytes(),
            "negative group",
        ),
        (
            "conv_transpose_strides",
            up("strides", &[1 << 20; 2]),
            "strides of",
        ),
        (
            "conv_transpose_padding",
            up("output_padding", &[1 << 20; 2]),
            "output_padding of",
        ),
        ("pool_kernel", pool(&[1 << 31; 2], &[1, 1]), "not 1 to"),
        ("pool_stride", pool(&[2, 2], &[0, 1]), "strides of 0"),
        (
            "pool_axes",
            pool(&[2, 2, 2], &[1, 1]),
            "a kernel of [2, 2, 2]",
        ),
        (
            "lrn",
            Model::new()
                .node("LRN", "x", "y", &[number("size", 1 << 31)])
                .bytes(),
            "billion multiplications",
        ),
        (
            "depth_to_space",
            Model::new()
                .node("DepthToSpace", "x", "y", &[number("blocksize", 0)])
                .bytes(),
            "DepthToSpace",
        ),
        (
            "a_weight_shared_by_2000",
            shared.node("Identity", "a2000", "y", &[]).bytes(),
            "weights and constants take more",
        ),
        (
            "nine_thousand_sums",
            chain.node("Relu", "a9000", "y", &[]).bytes(),
            "",
        ),
        (
            "elu_2000_times",
            (0..2000)
                .fold(Model::new().node("Identity", "x", "e0", &[]), |m, i| {
                    m.node("Elu", &format!("e{i}"), &format!("e{}", i + 1), &[])
                })
                .node("Identity", "e2000", "y", &[])
                .bytes(),
            "more than 1000 nodes",
        ),
    ]
}

/// `count` times two convolutions, joined and then rounded: the rounding is pushed up before the
/// join.
fn joined(count: usize) -> Vec<u8> {
    let m = Model::new()
        .constant(floats("w", &[3, 3, 1, 1], &[0.3; 9]))
        .constant(floats("s", &[], &[0.5]));
    let m = m.constant(tensor("z", &[], DataType::Int8, vec![0])).node(
        "Conv",
        "x w",
        "y0",
        &[list("strides", &[16, 16])],
    );
    let m = m.node("Concat", "y0 y0", "z0", &[number("axis", 1)]);
    let one = |m: Model, i: usize| {
        m.node("Conv", "y0 w", &format!("a{i}"), &[])
            .node("Conv", "y0 w", &format!("b{i}"), &[])
            .node(
                "Concat",
                &format!("a{i} b{i}"),
                &format!("c{i}"),
                &[number("axis", 1)],
            )
            .node(
                "QuantizeLinear",
                &format!("c{i} s z"),
                &format!("q{i}"),
                &[],
            )
            .node(
                "DequantizeLinear",
                &format!("q{i} s z"),
                &format!("d{i}"),
                &[],
            )
            .node("Add", &format!("z{i} d{i}"), &format!("z{}", i + 1), &[])
    };
    (0..count)
        .fold(m, one)
        .node("Relu", &format!("z{count}"), "y", &[])
        .bytes()
}

/// `count` operators that only tract knows, behind one that makes tract run everything.
fn alone(op: &str, count: usize) -> Vec<u8> {
    let m = Model::new().constant(floats("w", &[3, 3, 1, 1], &[0.3; 9]));
    let m = m.node("Split", "x", "s t", &[number("axis", 2)]).node(
        "Concat",
        "s t",
        "e0",
        &[number("axis", 2)],
    );
    let input = |i| {
        if op == "Conv" {
            format!("e{i} w")
        } else {
            format!("e{i}")
        }
    };
    let m = (0..count).fold(m, |m, i| m.node(op, &input(i), &format!("e{}", i + 1), &[]));
    m.node("Elu", &format!("e{count}"), "y", &[]).bytes()
}

fn graphs() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let m = Model::new;
    let inner = |g: GraphProto| AttributeProto {
        name: "body".into(),
        g: Some(g),
        r#type: 5,
        ..Default::default()
    };
    let body = m().node("Relu", "x", "y", &[]).graph;
    let mut deep = body.clone();
    for _ in 0..5 {
        deep = GraphProto {
            node: vec![NodeProto {
                op_type: "If".into(),
                attribute: vec![inner(deep)],
                ..Default::default()
            }],
            ..body.clone()
        };
    }
    let mut symbols = m().node("Relu", "x", "y", &[]);
    symbols.graph.input[0].r#type = Some(crate::build::symbolic(&"(".repeat(100_000)));
    let mut two = m().node("Relu", "x", "y", &[]);
    two.graph.input.push(two.graph.input[0].clone());
    two.graph.input[1].name = "z".into();
    let mut unknown = m().node("Relu", "x", "y", &[]);
    unknown.graph.node[0].domain = "evil".into();
    vec![
        ("rounded_joins", joined(1600), "loaded"),
        ("tract_alone_900", alone("Elu", 900), ""),
        (
            "tract_alone_4000",
            alone("Conv", 4000),
            "no more than 1000 nodes",
        ),
        // Found by the fuzzer: endless in tract, memory without end, a read behind the end of a
        // list.
        (
            "layer_norm_of_a_number",
            m().constant(floats("n", &[], &[0.0]))
                .constant(floats("s", &[3], &[1.0; 3]))
                .node("LayerNormalization", "n s s", "a", &[])
                .node("Add", "x a", "y", &[])
                .bytes(),
            "axis 0 of a value of 0 axes",
        ),
        (
            "transpose_twice_the_same",
            m().node("Transpose", "x", "y", &[list("perm", &[0, 0, 0, 0])])
                .bytes(),
            "is no permutation",
        ),
        (
            "layer_norm_far_axis",
            m().constant(floats("s", &[3], &[1.0; 3]))
                .node(
                    "LayerNormalization",
                    "x s s",
                    "y",
                    &[number("axis", 1 << 31)],
                )
                .bytes(),
            "which is no axis",
        ),
        (
            "batch_norm_of_a_number",
            m().constant(floats("s", &[3], &[1.0; 3]))
                .node("ReduceSum", "x", "n", &[number("keepdims", 0)])
                .node("BatchNormalization", "n s s s s", "y", &[])
                .bytes(),
            "which is no picture",
        ),
        (
            "loop",
            m().node("Loop", "x", "y", &[inner(body.clone())]).bytes(),
            "control flow",
        ),
        (
            "if_five_deep",
            m().node("If", "x", "y", &[inner(deep)]).bytes(),
            "control flow",
        ),
        (
            "scan",
            m().node("Scan", "x", "y", &[inner(body)]).bytes(),
            "control flow",
        ),
        ("lstm", m().node("LSTM", "x", "y", &[]).bytes(), SUPPORTED),
        (
            "einsum",
            m().node(
                "Einsum",
                "x x x",
                "y",
                &[text("equation", "abcd,efgh,ijkl->abcdefghijkl")],
            )
            .bytes(),
            SUPPORTED,
        ),
        (
            "circle",
            m().node("Elu", "y", "a", &[])
                .node("Elu", "a", "y", &[])
                .bytes(),
            "made by no node before it",
        ),
        (
            "itself",
            m().node("Add", "x y", "y", &[]).bytes(),
            "made by no node before it",
        ),
        (
            "made_twice",
            m().node("Sin", "x", "y", &[])
                .node("Split", "y", "y y", &[])
                .bytes(),
            "Split",
        ),
        (
            "no_output",
            m().node("Relu", "x", "a", &[]).bytes(),
            "output \"y\"",
        ),
        (
            "no_input",
            {
                let mut g = m().node("Relu", "x", "y", &[]);
                g.graph.input.clear();
                g.bytes()
            },
            "one input",
        ),
        ("two_inputs", two.bytes(), "one input"),
        ("unknown_domain", unknown.bytes(), "operators of \"evil\""),
        (
            "unknown_operator",
            m().node("Evil", "x", "y", &[]).bytes(),
            SUPPORTED,
        ),
        ("brackets_in_a_dimension", symbols.bytes(), ""),
        (
            "reshape_to_much",
            m().constant(ints("s", &[1, -1, 1 << 40, 1 << 40]))
                .node("Reshape", "x s", "y", &[])
                .bytes(),
            "Reshape",
        ),
        (
            "reshape_overflow",
            m().constant(ints("s", &[1, i64::MAX, i64::MAX, i64::MAX, i64::MAX]))
                .node("Reshape", "x s", "y", &[])
                .bytes(),
            "Reshape",
        ),
        (
            "transpose",
            m().node("Transpose", "x", "y", &[list("perm", &[0, 3, -2, 1])])
                .bytes(),
            "Transpose",
        ),
        (
            "slice",
            m().constant(ints("a", &[i64::MIN]))
                .constant(ints("b", &[i64::MAX]))
                .constant(ints("c", &[2]))
                .constant(ints("d", &[i64::MIN]))
                .node("Slice", "x a b c d", "y", &[])
                .bytes(),
            "",
        ),
        (
            "slice_step_nought",
            m().constant(ints("a", &[0]))
                .constant(ints("b", &[9]))
                .constant(ints("c", &[2]))
                .constant(ints("d", &[0]))
                .node("Slice", "x a b c d", "y", &[])
                .bytes(),
            "",
        ),
        (
            "split",
            m().constant(ints("s", &[i64::MAX, i64::MAX, 5]))
                .node("Split", "x s", "y b c", &[number("axis", 1)])
                .bytes(),
            "Split",
        ),
        (
            "gather",
            m().constant(ints("i", &[i64::MIN, i64::MAX]))
                .node("Gather", "x i", "y", &[number("axis", 1)])
                .bytes(),
            "",
        ),
        (
            "scale_nought",
            m().constant(floats("s", &[1], &[0.0]))
                .constant(tensor("z", &[1], DataType::Int8, vec![0]))
                .node("QuantizeLinear", "x s z", "q", &[])
                .node("DequantizeLinear", "q s z", "y", &[])
                .bytes(),
            "",
        ),
        (
            "scale_empty",
            m().constant(floats("s", &[0], &[]))
                .node("QuantizeLinear", "x s", "q", &[])
                .node("DequantizeLinear", "q s", "y", &[])
                .bytes(),
            "",
        ),
        (
            "clip_backwards",
            m().node("Clip", "x", "y", &[float("min", 1.0), float("max", -1.0)])
                .bytes(),
            "",
        ),
        (
            "cast_to_text",
            m().node("Cast", "x", "y", &[number("to", 8)]).bytes(),
            "Cast",
        ),
    ]
}

fn files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let relu = || Model::new().node("Relu", "x", "y", &[]);
    let mut outside = floats("w", &[4], &[]);
    outside.data_location = Some(1);
    for (key, value) in [
        ("location", "/etc/passwd"),
        ("offset", "0"),
        ("length", "16"),
    ] {
        outside.external_data.push(StringStringEntryProto {
            key: key.into(),
            value: value.into(),
        });
    }
    let mut strings = tensor("w", &[2], DataType::String, vec![]);
    strings.string_data = vec![vec![0xff; 4]; 2];
    let huge = relu()
        .constant(floats("w", &[1 << 30, 1 << 30, 1 << 30], &[]))
        .bytes();
    let whole = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/engine/lite.int8.onnx"
    ))
    .unwrap();
    let many = |tag: u8, count: usize| {
        let body = [tag, 0].repeat(count);
        let mut file = vec![0x3a];
        prost::encoding::encode_varint(body.len() as u64, &mut file);
        file.extend(body);
        file
    };
    vec![
        ("empty", vec![], "the file has no graph"),
        ("text", b"<html>not found</html>".to_vec(), "no ONNX"),
        ("all_ones", vec![0xff; 4096], "no ONNX"),
        ("cut_off", whole[..whole.len() / 2].to_vec(), "no ONNX"),
        ("two_million_empty_nodes", many(0x0a, 2 << 20), "would take"),
        (
            "two_million_empty_constants",
            many(0x2a, 2 << 20),
            "would take",
        ),
        (
            "twenty_thousand_empty_nodes",
            many(0x0a, 20_000),
            "more than 10000",
        ),
        ("groups_in_groups", [0x0b].repeat(1 << 20), "no ONNX"),
        (
            "outside_data",
            relu().constant(outside.clone()).bytes(),
            "lies in another file",
        ),
        (
            "outside_data_in_a_node",
            Model::new()
                .node(
                    "Constant",
                    "",
                    "c",
                    &[AttributeProto {
                        name: "value".into(),
                        t: Some(outside),
                        ..Default::default()
                    }],
                )
                .node("Add", "x c", "y", &[])
                .bytes(),
            "lies in another file",
        ),
        ("texts", relu().constant(strings).bytes(), "type String"),
        ("shape_without_data", huge, "the impossible shape"),
        (
            "too_little_data",
            relu().constant(floats("w", &[4], &[1.0])).bytes(),
            "1 numbers of the 4",
        ),
        (
            "odd_data",
            relu()
                .constant(tensor("w", &[1], DataType::Float, vec![0; 5]))
                .bytes(),
            "numbers of the 1",
        ),
        (
            "negative_shape",
            relu().constant(floats("w", &[-4], &[1.0])).bytes(),
            "the impossible shape",
        ),
        (
            "type_of_no_meaning",
            relu()
                .constant(tensor("w", &[1], DataType::Bfloat16, vec![0; 2]))
                .bytes(),
            "which is not supported",
        ),
        (
            "rank_100",
            relu().constant(floats("w", &[1; 100], &[1.0])).bytes(),
            "the impossible shape",
        ),
    ]
}
