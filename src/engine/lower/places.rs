//! Places: where every value lies, and the program that comes of it.
//!
//! A slice of channels is a place inside its source's pixels; the parts of a concat are written
//! where the concat wants them. What remains is gathered channel by channel.

use super::units::{Unit, UnitExit, UnitKind, UnitTerm};
use crate::engine::graph::{Conv, Graph, Id, Kind, Shape, Steps, Weights as Numbers};
use crate::engine::memory::Place;
use crate::engine::ops::{
    Spec, conv, depthwise, exit::Exit, foreign, gather, image, max_pool, pool, scale, sum,
};
use crate::engine::program::{Program, Step};

/// The buffer that a value lies in, from which channel on, and its grid.
#[derive(Debug, Clone)]
struct Value {
    buffer: usize,
    channel: usize,
    steps: Option<Steps>,
}

struct Buffer {
    shape: Shape,
    real: bool,
}

struct Assign<'a> {
    graph: &'a Graph,
    values: Vec<Option<Value>>,
    buffers: Vec<Buffer>,
}

fn collapse(steps: Steps) -> Steps {
    if steps.is_uniform() {
        Steps {
            scale: vec![steps.scale[0]],
            zero: vec![steps.zero[0]],
        }
    } else {
        steps
    }
}

/// # Errors
/// The graph's output is no picture.
pub fn assign(graph: &Graph, units: Vec<Unit>) -> Result<Program, String> {
    let mut assign = Assign {
        graph,
        values: vec![None; graph.nodes.len()],
        buffers: Vec::new(),
    };
    assign.concats(&units);
    let mut kept = Vec::new();
    for unit in units {
        if assign.unit(&unit) {
            kept.push(unit);
        }
    }
    assign.values[graph.output]
        .as_ref()
        .ok_or("the output is made by no operator")?;
    let buffers = assign
        .buffers
        .iter()
        .map(|b| b.shape.count() * if b.real { 4 } else { 1 })
        .collect();
    let steps = kept
        .iter()
        .map(|u| Step {
            name: graph.nodes[assign.node(u)].name.clone(),
            spec: assign.spec(u),
        })
        .collect();
    let input = graph
        .nodes
        .iter()
        .find(|n| matches!(n.kind, Kind::Input))
        .and_then(|n| n.shape())
        .ok_or("no input")?;
    graph.nodes[graph.output].shape().ok_or_else(|| {
        format!(
            "the output has the shape {:?}",
            graph.nodes[graph.output].dims
        )
    })?;
    Ok(Program {
        input,
        output: assign.place(graph.output),
        buffers,
        steps,
    })
}

impl Assign<'_> {
    /// The shape of a value; what is no picture is one long pixel.
    fn shape(&self, id: Id) -> Shape {
        let node = &self.graph.nodes[id];
        node.shape().unwrap_or(Shape {
            c: node.dims.iter().product(),
            h: 1,
            w: 1,
        })
    }

    fn node(&self, unit: &Unit) -> Id {
        match unit.kind {
            UnitKind::Conv(id) | UnitKind::Channels(id) | UnitKind::Foreign(id) => id,
            _ => unit.exits[0].id,
        }
    }

    fn buffer(&mut self, shape: Shape, real: bool) -> usize {
        self.buffers.push(Buffer { shape, real });
        self.buffers.len() - 1
    }

    /// Gives the parts of a concat that only it reads their place in its buffer.
    fn concats(&mut self, units: &[Unit]) {
        let readers = self.graph.readers();
        let mut exits: Vec<Option<&UnitExit>> = vec![None; self.graph.nodes.len()];
        for unit in units
            .iter()
            .filter(|u| !matches!(u.kind, UnitKind::Foreign(_)))
        {
            for exit in &unit.exits {
                exits[exit.id] = Some(exit);
            }
        }
        for unit in units {
            let UnitKind::Channels(id) = unit.kind else {
                continue;
            };
            let (Kind::Channels(map), inputs) =
                (&self.graph.nodes[id].kind, &self.graph.nodes[id].inputs)
            else {
                continue;
            };
            let whole = inputs
                .iter()
                .enumerate()
                .flat_map(|(s, &i)| (0..self.shape(i).c).map(move |c| (s, c)));
            let parts: Option<Vec<&UnitExit>> = inputs
                .iter()
                .map(|&i| exits[i].filter(|_| readers[i].len() == 1))
                .collect();
            let Some(parts) = parts.filter(|_| inputs.len() > 1 && whole.eq(map.iter().copied()))
            else {
                continue;
            };
            let real = parts[0].steps.is_none();
            if parts.iter().any(|p| p.steps.is_none() != real) {
                continue;
            }
            let buffer = self.buffer(self.shape(id), real);
            let mut channel = 0;
            for (&input, part) in inputs.iter().zip(&parts) {
                self.values[input] = Some(Value {
                    buffer,
                    channel,
                    steps: part.steps.clone().map(collapse),
                });
                channel += self.shape(input).c;
            }
        }
    }

    /// Gives a unit's results places; false if it has nothing to do at run time.
    fn unit(&mut self, unit: &Unit) -> bool {
        if let UnitKind::Channels(id) = unit.kind
            && self.moved(id)
        {
            return false;
        }
        for exit in &unit.exits {
            if self.values[exit.id].is_none() {
                let buffer = self.buffer(self.shape(exit.id), exit.steps.is_none());
                self.values[exit.id] = Some(Value {
                    buffer,
                    channel: 0,
                    steps: exit.steps.clone().map(collapse),
                });
            }
        }
        true
    }

    /// Finds a move of channels its place; true if no byte has to be moved for it.
    fn moved(&mut self, id: Id) -> bool {
        let (Kind::Channels(map), inputs) =
            (&self.graph.nodes[id].kind, &self.graph.nodes[id].inputs)
        else {
            return false;
        };
        let sources: Vec<Value> = inputs
            .iter()
            .filter_map(|&i| self.values[i].clone())
            .collect();
        // Where every channel lies now.
        let at: Vec<(usize, usize)> = map
            .iter()
            .map(|&(s, c)| (sources[s].buffer, sources[s].channel + c))
            .collect();
        let grid = |&(s, c): &(usize, usize)| sources[s].steps.as_ref().map(|g| g.at(c));
        let steps = map
            .iter()
            .map(grid)
            .collect::<Option<Vec<_>>>()
            .map(|found| {
                collapse(Steps {
                    scale: found.iter().map(|f| f.0).collect(),
                    zero: found.iter().map(|f| f.1).collect(),
                })
            });
        let same_kind = map
            .iter()
            .all(|&(s, _)| sources[s].steps.is_some() == steps.is_some());
        let in_a_row = at.windows(2).all(|w| w[1] == (w[0].0, w[0].1 + 1));
        if in_a_row && same_kind {
            self.values[id] = Some(Value {
                buffer: at[0].0,
                channel: at[0].1,
                steps,
            });
            return true;
        }
        let buffer = self.buffer(self.shape(id), steps.is_none());
        self.values[id] = Some(Value {
            buffer,
            channel: 0,
            steps,
        });
        false
    }

    fn place(&self, id: Id) -> Place {
        let value = self.values[id].clone().unwrap_or(Value {
            buffer: 0,
            channel: 0,
            steps: None,
        });
        let buffer = &self.buffers[value.buffer];
        let size = if buffer.real { 4 } else { 1 };
        Place {
            buffer: value.buffer,
            offset: value.channel * size,
            pixel: buffer.shape.c,
            shape: self.shape(id),
            steps: value.steps,
        }
    }

    fn exit(&self, exit: &UnitExit) -> Exit {
        Exit {
            activation: exit.activation,
            to: self.place(exit.id),
        }
    }

    fn spec(&self, unit: &Unit) -> Spec {
        let exit = || self.exit(&unit.exits[0]);
        match &unit.kind {
            UnitKind::Image => Spec::Image(image::Image { exit: exit() }),
            UnitKind::Conv(id) => self.conv(*id, exit()),
            UnitKind::Sum(terms) => Spec::Sum(sum::Sum {
                terms: terms.iter().map(|t| self.term(t)).collect(),
                exits: unit.exits.iter().map(|e| self.exit(e)).collect(),
            }),
            UnitKind::Scale(x, gate) => Spec::Scale(scale::Scale {
                from: self.place(*x),
                gate: self.place(*gate),
                exit: exit(),
            }),
            UnitKind::Pool(kernel, x) => Spec::Pool(pool::Pool {
                kernel: *kernel,
                from: self.place(*x),
                exit: exit(),
            }),
            UnitKind::MaxPool(window, x) => Spec::MaxPool(max_pool::MaxPool {
                window: *window,
                from: self.place(*x),
                exit: exit(),
            }),
            UnitKind::Channels(id) => Spec::Gather(gather::Gather {
                from: self.graph.nodes[*id]
                    .inputs
                    .iter()
                    .map(|&i| self.place(i))
                    .collect(),
                channels: match &self.graph.nodes[*id].kind {
                    Kind::Channels(map) => map.clone(),
                    _ => Vec::new(),
                },
                to: self.place(*id),
            }),
            UnitKind::Foreign(id) => {
                let node = &self.graph.nodes[*id];
                let Kind::Foreign(foreign) = &node.kind else {
                    unreachable!("a foreign unit of a foreign node")
                };
                Spec::Foreign(foreign::Foreign {
                    model: foreign.model.clone(),
                    from: node.inputs.iter().map(|&i| self.place(i)).collect(),
                    dims: node
                        .inputs
                        .iter()
                        .map(|&i| self.graph.nodes[i].dims.clone())
                        .collect(),
                    to: self.place(*id),
                })
            }
        }
    }

    fn conv(&self, id: Id, exit: Exit) -> Spec {
        let node = &self.graph.nodes[id];
        let Kind::Conv(c) = &node.kind else {
            unreachable!("a convolution unit of a convolution")
        };
        let geometry = c.geometry;
        let weights = weights(c);
        let bias = c.bias.clone();
        let from = self.place(node.inputs[0]);
        if geometry.depthwise {
            Spec::Depthwise(depthwise::Depthwise {
                geometry,
                weights,
                bias,
                from,
                exit,
            })
        } else {
            Spec::Conv(conv::Conv {
                geometry,
                weights,
                bias,
                from,
                exit,
            })
        }
    }

    fn term(&self, term: &UnitTerm) -> sum::Term {
        let product = term.conv.and_then(|id| match &self.graph.nodes[id].kind {
            Kind::Conv(c) => Some((weights(c), c.bias.clone())),
            _ => None,
        });
        let enlarge = match term.bilinear {
            Some(align_corners) => sum::Enlarge::Bilinear { align_corners },
            None => sum::Enlarge::Nearest(term.factor),
        };
        sum::Term {
            from: self.place(term.from),
            product,
            enlarge,
            times: term.times,
        }
    }
}

/// ONNX keeps a window's channels outermost, we keep them innermost.
fn weights(conv: &Conv) -> conv::Weights {
    fn turn<T: Copy>(w: &[T], conv: &Conv) -> Vec<T> {
        let g = &conv.geometry;
        if g.depthwise || g.kernel == [1, 1] {
            return w.to_vec();
        }
        let area = g.kernel[0] * g.kernel[1];
        let k = g.window();
        let place = |i: usize| i / k * k + i % g.inputs * area + i % k / g.inputs;
        (0..w.len()).map(|i| w[place(i)]).collect()
    }
    match &conv.weights {
        Numbers::Int8 { values, scale } => conv::Weights::Int8 {
            values: turn(values, conv),
            scale: scale.clone(),
        },
        Numbers::Real(w) => conv::Weights::Real(turn(w, conv)),
    }
}
