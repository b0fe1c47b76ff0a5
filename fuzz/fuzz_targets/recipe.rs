//! A graph from bytes: each node takes one for its operator, one for every input, one or two for
//! every attribute. The test `engine_corpus` reads the same recipes.

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto,
};

/// Operator, inputs, attributes.
///
/// Inputs: v a value, s sizes, i a list of whole numbers, n one number, f some positive floats, w
/// weights, d weights of a depthwise convolution, c a float a channel, z int8 zeros, q int8
/// weights, - none. Attributes: name:i whole number, name:l list, name:f float, name:g the
/// channels, name:m a word of `WORDS`, name:a list that is one of `AXES`.
const OPERATORS: &[(&str, &str, &str)] = &[
    (
        "Conv",
        "vw",
        "strides:a pads:a dilations:l group:i auto_pad:m",
    ),
    ("Conv", "vd", "strides:a pads:a group:g"),
    ("Conv", "vwc", ""),
    ("Relu", "v", ""),
    ("Add", "vv", ""),
    ("Mul", "vv", ""),
    ("Add", "vc", ""),
    ("QuantizeLinear", "vfz", "axis:i"),
    ("DequantizeLinear", "vfz", "axis:i"),
    ("DequantizeLinear", "qfz", "axis:i"),
    ("Conv", "vv", "strides:a pads:a"),
    ("Clip", "vff", ""),
    ("HardSigmoid", "v", "alpha:f beta:f"),
    ("Sigmoid", "v", ""),
    ("HardSwish", "v", ""),
    ("Elu", "v", "alpha:f"),
    ("BatchNormalization", "vcccc", "epsilon:f"),
    (
        "Resize",
        "v--s",
        "mode:m coordinate_transformation_mode:m nearest_mode:m",
    ),
    (
        "Resize",
        "v-f",
        "mode:m coordinate_transformation_mode:m nearest_mode:m",
    ),
    ("Upsample", "vf", "mode:m"),
    ("Slice", "viiii", ""),
    ("Slice", "vnnn", ""),
    ("Split", "v", "axis:i"),
    ("Split", "vi", "axis:i"),
    ("Concat", "vv", "axis:i"),
    ("Concat", "vvv", "axis:i"),
    ("Reshape", "vs", ""),
    ("Transpose", "v", "perm:l"),
    (
        "AveragePool",
        "v",
        "kernel_shape:a strides:a pads:a ceil_mode:i count_include_pad:i",
    ),
    (
        "MaxPool",
        "v",
        "kernel_shape:a strides:a pads:a dilations:l ceil_mode:i",
    ),
    ("GlobalAveragePool", "v", ""),
    ("GlobalMaxPool", "v", ""),
    (
        "ConvTranspose",
        "vw",
        "strides:a pads:a output_padding:a group:i output_shape:l",
    ),
    ("Pad", "vi", "mode:m"),
    ("Pad", "vinn", "mode:m"),
    ("Expand", "vs", ""),
    ("Tile", "vs", ""),
    ("ConstantOfShape", "s", ""),
    ("Range", "nnn", ""),
    ("Gather", "vi", "axis:i"),
    ("Shape", "v", "start:i end:i"),
    ("Size", "v", ""),
    ("Cast", "v", "to:i"),
    ("Squeeze", "vi", ""),
    ("Unsqueeze", "vi", ""),
    ("Flatten", "v", "axis:i"),
    ("Softmax", "v", "axis:i"),
    ("ReduceMean", "v", "axes:l keepdims:i"),
    ("ReduceSum", "vi", "keepdims:i"),
    ("ReduceMax", "v", "axes:l"),
    ("ArgMax", "v", "axis:i keepdims:i"),
    ("MatMul", "vv", ""),
    ("Gemm", "vvv", "transA:i transB:i alpha:f"),
    ("Where", "vvv", ""),
    ("Pow", "vf", ""),
    ("Div", "vv", ""),
    ("Mod", "vv", "fmod:i"),
    ("Equal", "vv", ""),
    ("InstanceNormalization", "vcc", "epsilon:f"),
    ("LayerNormalization", "vcc", "axis:i"),
    ("GroupNormalization", "vcc", "num_groups:i"),
    ("LRN", "v", "size:i"),
    ("DepthToSpace", "v", "blocksize:i mode:m"),
    ("SpaceToDepth", "v", "blocksize:i"),
    ("CumSum", "vn", "exclusive:i reverse:i"),
    ("Trilu", "vn", "upper:i"),
    ("PRelu", "vc", ""),
    ("Max", "vvv", ""),
    ("Identity", "v", ""),
    ("Constant", "", "value_ints:l value_int:i value_float:f"),
    ("QLinearConv", "vfzqfzfz", "strides:a"),
    ("ConvInteger", "vqz", ""),
    ("MatMulInteger", "vq", ""),
    ("LpNormalization", "v", "axis:i p:i"),
    ("CastLike", "vv", ""),
    ("TopK", "vn", "axis:i"),
    ("Einsum", "vv", "equation:m"),
    ("OneHot", "inf", ""),
];

const INTS: [i64; 32] = [
    0,
    1,
    -1,
    2,
    3,
    4,
    5,
    6,
    8,
    16,
    17,
    31,
    32,
    64,
    65,
    128,
    255,
    1000,
    12_288,
    1 << 16,
    1 << 20,
    1 << 24,
    1 << 31,
    1 << 32,
    1 << 40,
    i64::MAX,
    i64::MIN,
    -2,
    -3,
    -4,
    -1000,
    i64::MAX - 1,
];
const FLOATS: [f32; 16] = [
    1.0,
    0.5,
    2.0,
    0.1,
    0.0,
    -1.0,
    1e9,
    1e-9,
    3.0,
    1e38,
    f32::NAN,
    f32::INFINITY,
    f32::MIN_POSITIVE,
    -0.0,
    0.25,
    1.5,
];
const AXES: [&[i64]; 8] = [
    &[1, 1],
    &[2, 2],
    &[1, 1, 1, 1],
    &[0, 0, 1, 1],
    &[2, 1],
    &[3, 3],
    &[64, 64],
    &[1, 1, 1],
];
const SIZES: [&[i64]; 12] = [
    &[1, 17, 32, 32],
    &[1, 3, 128, 128],
    &[1, -1],
    &[1, 3, -1, 0],
    &[0, 2, -1, 64, 64],
    &[1, 1, 1, 1],
    &[3, 64, 64],
    &[12_288],
    &[],
    &[1, 2, 2, 1],
    &[1, 4, 64, 64],
    &[1, 2, 8, 64, 64],
];
const WORDS: [&str; 14] = [
    "NOTSET",
    "SAME_UPPER",
    "SAME_LOWER",
    "VALID",
    "nearest",
    "linear",
    "cubic",
    "asymmetric",
    "half_pixel",
    "align_corners",
    "floor",
    "reflect",
    "edge",
    "CRD",
];
const FLOAT: i32 = 1;
const UINT8: i32 = 2;
const INT8: i32 = 3;
const INT64: i32 = 7;
const MAX_NODES: usize = 24;

struct Recipe<'a> {
    bytes: std::slice::Iter<'a, u8>,
    graph: GraphProto,
    /// Name and channels of every value so far.
    values: Vec<(String, usize)>,
}

impl Recipe<'_> {
    fn byte(&mut self) -> usize {
        self.bytes.next().copied().unwrap_or(0).into()
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.byte() % list.len()]
    }

    fn constant(&mut self, dims: &[usize], data_type: i32, raw_data: Vec<u8>) -> String {
        let name = format!("c{}", self.graph.initializer.len());
        let dims = dims.iter().map(|&d| d as i64).collect();
        self.graph.initializer.push(TensorProto {
            name: name.clone(),
            dims,
            data_type,
            raw_data,
            ..Default::default()
        });
        name
    }

    fn list(&mut self) -> Vec<i64> {
        let n = self.byte() % 6;
        (0..n).map(|_| self.pick(&INTS)).collect()
    }

    fn ints(&mut self, list: &[i64]) -> String {
        self.constant(
            &[list.len()],
            INT64,
            list.iter().flat_map(|v| v.to_le_bytes()).collect(),
        )
    }

    fn floats(&mut self, dims: &[usize]) -> String {
        let n = dims.iter().product();
        let (first, second) = (self.pick(&FLOATS), self.pick(&FLOATS));
        let data = (0..n)
            .flat_map(|i| if i % 2 == 0 { first } else { second }.to_le_bytes())
            .collect();
        self.constant(dims, FLOAT, data)
    }

    fn input(&mut self, kind: u8, channels: usize) -> String {
        match kind {
            b's' => match self.byte() {
                b @ 0..192 => self.ints(SIZES[b % SIZES.len()]),
                _ => {
                    let list = self.list();
                    self.ints(&list)
                }
            },
            b'i' => {
                let list = self.list();
                self.ints(&list)
            }
            b'n' => {
                let value = self.pick(&INTS);
                self.constant(&[], INT64, value.to_le_bytes().to_vec())
            }
            b'f' => match self.byte() % 4 {
                0 => self.floats(&[4]),
                1 => self.floats(&[channels]),
                _ => self.floats(&[]),
            },
            b'w' | b'q' => {
                let (o, k) = (
                    self.pick(&[17, 8, 1, 3, 16, 0]),
                    self.pick(&[1, 3, 1, 5, 2, 0]),
                );
                let c = if self.byte() % 16 == 15 {
                    self.pick(&[0, 1, 2, 5, 300])
                } else {
                    channels
                };
                if kind == b'q' {
                    let byte = self.byte() as u8;
                    return self.constant(&[o, c, k, k], INT8, vec![byte; o * c * k * k]);
                }
                self.floats(&[o, c, k, k])
            }
            b'd' => {
                let k = self.pick(&[3, 1, 5, 2, 7]);
                self.floats(&[channels, 1, k, k])
            }
            b'c' => self.floats(&[channels]),
            b'z' => {
                let (n, byte) = (self.pick(&[1, 1, channels, 0]), self.byte() as u8);
                let dims: &[usize] = if n == 1 { &[] } else { &[n] };
                let kind = self.pick(&[INT8, UINT8]);
                self.constant(dims, kind, vec![byte; n])
            }
            _ => String::new(),
        }
    }

    fn value(&mut self) -> (String, usize) {
        // Mostly one of the last.
        let back = match self.byte() {
            b @ 0..224 => b % 3,
            b => b,
        };
        self.values[self.values.len() - 1 - back % self.values.len()].clone()
    }

    fn attribute(&mut self, spec: &str, channels: usize) -> Option<AttributeProto> {
        let (name, kind) = spec.split_once(':')?;
        let mut a = AttributeProto {
            name: name.into(),
            ..Default::default()
        };
        match kind {
            "g" => (a.i, a.r#type) = (channels as i64, 2),
            _ if self.byte().is_multiple_of(3) => return None,
            "i" => (a.i, a.r#type) = (self.pick(&INTS), 2),
            "l" => (a.ints, a.r#type) = (self.list(), 7),
            "a" => (a.ints, a.r#type) = (self.pick(&AXES).to_vec(), 7),
            "f" => (a.f, a.r#type) = (self.pick(&FLOATS), 1),
            _ => (a.s, a.r#type) = (self.pick(&WORDS).into(), 3),
        }
        Some(a)
    }

    fn node(&mut self) {
        let (operator, inputs, attributes) = OPERATORS[self.byte() % OPERATORS.len()];
        let mut channels = None;
        let mut names = Vec::new();
        for kind in inputs.bytes() {
            if kind == b'v' {
                let (name, c) = self.value();
                channels = channels.or(Some(c));
                names.push(name);
            } else {
                names.push(self.input(kind, channels.unwrap_or(3)));
            }
        }
        let c = channels.unwrap_or(3);
        let attribute = attributes
            .split(' ')
            .filter_map(|spec| self.attribute(spec, c))
            .collect();
        let outputs = if operator == "Split" {
            1 + self.byte() % 3
        } else {
            1
        };
        let i = self.graph.node.len();
        let output: Vec<String> = (0..outputs).map(|o| format!("v{i}_{o}")).collect();
        let made = match operator {
            "Conv" | "QLinearConv" => {
                let weights = names.get(if operator == "Conv" { 1 } else { 3 });
                let dims = self
                    .graph
                    .initializer
                    .iter()
                    .find(|t| Some(&t.name) == weights)
                    .map(|t| &t.dims);
                dims.and_then(|d| d.first()).map_or(c, |&d| d as usize)
            }
            // Larger constants would fill the file, not the importer.
            "Concat" => (c * inputs.len()).min(512),
            "Split" => c / outputs,
            _ => c,
        };
        self.values.extend(output.iter().map(|o| (o.clone(), made)));
        let (op_type, name) = (operator.into(), format!("n{i}"));
        self.graph.node.push(NodeProto {
            op_type,
            name,
            input: names,
            output,
            attribute,
            ..Default::default()
        });
    }
}

/// The file of a recipe; None if it asks for no node.
pub fn file(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut recipe = Recipe {
        bytes: bytes.iter(),
        graph: GraphProto::default(),
        values: vec![("x".into(), 3)],
    };
    let version = recipe.pick(&[17, 13, 18, 11, 9, 7, 0, i64::MAX]);
    while recipe.bytes.len() > 0 && recipe.graph.node.len() < MAX_NODES {
        recipe.node();
    }
    let named = |name: String| ValueInfoProto {
        name,
        ..Default::default()
    };
    let mut graph = recipe.graph;
    graph.input = vec![named("x".into())];
    graph.output = vec![named(graph.node.last()?.output[0].clone())];
    let opset_import = vec![OperatorSetIdProto {
        domain: String::new(),
        version,
    }];
    Some(
        ModelProto {
            ir_version: 8,
            opset_import,
            graph: Some(graph),
            ..Default::default()
        }
        .encode_to_vec(),
    )
}
