//! Units: nodes that run together as one operator.

use crate::engine::graph::{Activation, Graph, Id, Kind, Steps, Window};

/// One operator to be.
#[derive(Debug)]
pub struct Unit {
    pub kind: UnitKind,
    /// Where its result goes; empty for a move of channels, whose result is its node's.
    pub exits: Vec<UnitExit>,
}

#[derive(Debug, Clone)]
pub struct UnitExit {
    pub activation: Option<Activation>,
    pub steps: Option<Steps>,
    /// The node whose value this is.
    pub id: Id,
}

#[derive(Debug)]
pub enum UnitKind {
    Image,
    Conv(Id),
    Sum(Vec<UnitTerm>),
    /// Value, gate.
    Scale(Id, Id),
    Pool([usize; 2], Id),
    MaxPool(Window, Id),
    Channels(Id),
    Foreign(Id),
}

#[derive(Debug)]
pub struct UnitTerm {
    /// The value that is read.
    pub from: Id,
    /// A pointwise convolution that it goes through.
    pub conv: Option<Id>,
    pub factor: [usize; 2],
    pub bilinear: Option<bool>,
    pub times: f32,
}

struct Finder<'a> {
    graph: &'a Graph,
    readers: Vec<Vec<Id>>,
    /// Nodes that are part of a unit, or whose value is made by one.
    done: Vec<bool>,
}

/// Cuts the graph into units, in an order in which they can run.
pub fn find(graph: &Graph) -> Vec<Unit> {
    let mut finder = Finder {
        graph,
        readers: graph.readers(),
        done: vec![false; graph.nodes.len()],
    };
    let mut units = Vec::new();
    for id in 0..graph.nodes.len() {
        if !finder.done[id] && !finder.waits(id) {
            units.push(finder.unit(id));
        }
    }
    units
}

impl Finder<'_> {
    fn kind(&self, id: Id) -> &Kind {
        &self.graph.nodes[id].kind
    }

    /// The one node that reads `id`, if it is one (which may read it twice).
    fn only_reader(&self, id: Id) -> Option<Id> {
        match &self.readers[id][..] {
            [reader, rest @ ..] if rest.iter().all(|r| r == reader) && id != self.graph.output => {
                Some(*reader)
            }
            _ => None,
        }
    }

    /// Whether a later unit takes this node in: a part of a sum, or a gate's enlargement.
    fn waits(&self, id: Id) -> bool {
        let Some(reader) = self.only_reader(id) else {
            return false;
        };
        match (self.kind(id), self.kind(reader)) {
            (Kind::Add, Kind::Add) => !self.broadcasts(id) && self.same_size(id, reader),
            (Kind::Conv(c), Kind::Add) => c.geometry.is_pointwise() && self.same_size(id, reader),
            (Kind::Conv(c), Kind::Nearest(_)) => {
                c.geometry.is_pointwise() && self.is_enlarged_term(reader)
            }
            (Kind::Nearest(_) | Kind::Bilinear { .. }, Kind::Add) => self.is_enlarged_term(id),
            (Kind::Nearest(_), Kind::Mul) => self.gate(reader) == Some(id),
            _ => false,
        }
    }

    fn is_enlarged_term(&self, id: Id) -> bool {
        self.only_reader(id)
            .is_some_and(|r| matches!(self.kind(r), Kind::Add) && self.same_size(id, r))
    }

    fn same_size(&self, a: Id, b: Id) -> bool {
        self.graph.nodes[a].dims == self.graph.nodes[b].dims
    }

    /// The enlarged input of a product that the product itself enlarges: the second, if both are.
    fn gate(&self, product: Id) -> Option<Id> {
        let inputs = &self.graph.nodes[product].inputs;
        let enlarged = |&id: &Id| {
            matches!(self.kind(id), Kind::Nearest(_))
                && self.readers[id].len() == 1
                && id != self.graph.output
                && self.same_size(id, product)
        };
        inputs.iter().rev().copied().find(enlarged)
    }

    /// Whether a sum or product spreads one pixel over a picture.
    fn broadcasts(&self, id: Id) -> bool {
        self.graph.nodes[id]
            .inputs
            .iter()
            .any(|&i| self.graph.nodes[i].dims != self.graph.nodes[id].dims)
    }

    fn unit(&mut self, id: Id) -> Unit {
        self.done[id] = true;
        let inputs = &self.graph.nodes[id].inputs;
        match self.kind(id).clone() {
            Kind::Input => Unit {
                kind: UnitKind::Image,
                exits: self.single_exit(id),
            },
            Kind::Conv(_) => Unit {
                kind: UnitKind::Conv(id),
                exits: self.single_exit(id),
            },
            Kind::Mul => {
                let (x, gate) = match self.gate(id) {
                    Some(gate) => (
                        if inputs[0] == gate {
                            inputs[1]
                        } else {
                            inputs[0]
                        },
                        self.graph.nodes[gate].inputs[0],
                    ),
                    None => (inputs[0], inputs[1]),
                };
                Unit {
                    kind: UnitKind::Scale(x, gate),
                    exits: self.single_exit(id),
                }
            }
            Kind::Pool(kernel) => Unit {
                kind: UnitKind::Pool(kernel, inputs[0]),
                exits: self.single_exit(id),
            },
            Kind::MaxPool(window) => Unit {
                kind: UnitKind::MaxPool(window, inputs[0]),
                exits: self.single_exit(id),
            },
            Kind::Channels(_) => Unit {
                kind: UnitKind::Channels(id),
                exits: Vec::new(),
            },
            Kind::Foreign(_) => Unit {
                kind: UnitKind::Foreign(id),
                exits: vec![UnitExit {
                    activation: None,
                    steps: None,
                    id,
                }],
            },
            Kind::Add | Kind::Nearest(_) | Kind::Bilinear { .. } => {
                let mut terms = Vec::new();
                self.terms(id, 1.0, true, &mut terms);
                Unit {
                    kind: UnitKind::Sum(terms),
                    exits: self.exits(id, None),
                }
            }
            Kind::Round(steps) => {
                let exits = vec![UnitExit {
                    activation: None,
                    steps: Some(steps),
                    id,
                }];
                Unit {
                    kind: UnitKind::Sum(vec![plain(inputs[0], 1.0)]),
                    exits,
                }
            }
            Kind::Act(activation) => {
                let from = inputs[0];
                Unit {
                    kind: UnitKind::Sum(vec![plain(from, 1.0)]),
                    exits: self.exits(id, Some(activation)),
                }
            }
        }
    }

    /// Collects the terms of a sum whose root is `id`.
    fn terms(&mut self, id: Id, times: f32, root: bool, terms: &mut Vec<UnitTerm>) {
        let node = &self.graph.nodes[id];
        let taken = root || self.waits(id);
        match &node.kind {
            Kind::Add if taken => {
                self.done[id] = true;
                let a = node.inputs[0];
                let b = node.inputs[1];
                if a == b {
                    self.terms(a, times * 2.0, false, terms);
                } else {
                    self.terms(a, times, false, terms);
                    let size = self.graph.nodes[b].shape();
                    match (node.shape(), size) {
                        (Some(n), Some(s)) if (s.h, s.w) != (n.h, n.w) => {
                            terms.push(UnitTerm {
                                factor: [n.h / s.h, n.w / s.w],
                                ..plain(b, times)
                            });
                        }
                        _ => self.terms(b, times, false, terms),
                    }
                }
            }
            Kind::Conv(_) if taken => {
                self.done[id] = true;
                terms.push(UnitTerm {
                    conv: Some(id),
                    ..plain(node.inputs[0], times)
                });
            }
            Kind::Nearest(factor) if taken => {
                self.done[id] = true;
                let factor = [*factor; 2];
                let below = node.inputs[0];
                if matches!(self.kind(below), Kind::Conv(_)) && self.waits(below) {
                    self.done[below] = true;
                    let from = self.graph.nodes[below].inputs[0];
                    terms.push(UnitTerm {
                        conv: Some(below),
                        factor,
                        ..plain(from, times)
                    });
                } else {
                    terms.push(UnitTerm {
                        factor,
                        ..plain(below, times)
                    });
                }
            }
            Kind::Bilinear { align_corners } if taken => {
                self.done[id] = true;
                terms.push(UnitTerm {
                    bilinear: Some(*align_corners),
                    ..plain(node.inputs[0], times)
                });
            }
            _ => terms.push(plain(id, times)),
        }
    }

    /// Where the value of `id` goes: for every way through an activation and a rounding one exit.
    fn exits(&mut self, id: Id, activation: Option<Activation>) -> Vec<UnitExit> {
        let mut exits = Vec::new();
        let mut plain = id == self.graph.output;
        let mut readers = self.readers[id].clone();
        readers.dedup();
        for reader in readers {
            match self.kind(reader).clone() {
                Kind::Round(steps) => {
                    self.done[reader] = true;
                    exits.push(UnitExit {
                        activation,
                        steps: Some(steps),
                        id: reader,
                    });
                }
                Kind::Act(a) if activation.is_none() => {
                    self.done[reader] = true;
                    exits.extend(self.exits(reader, Some(a)));
                }
                _ => plain = true,
            }
        }
        if plain || exits.is_empty() {
            exits.push(UnitExit {
                activation,
                steps: None,
                id,
            });
        }
        exits
    }

    /// The one exit of an operator that can have only one: the way through activation and rounding
    /// if nothing else reads the value.
    fn single_exit(&mut self, id: Id) -> Vec<UnitExit> {
        let before = self.done.clone();
        let exits = self.exits(id, None);
        if exits.len() == 1 {
            return exits;
        }
        self.done = before;
        vec![UnitExit {
            activation: None,
            steps: None,
            id,
        }]
    }
}

fn plain(from: Id, times: f32) -> UnitTerm {
    UnitTerm {
        from,
        conv: None,
        factor: [1, 1],
        bilinear: None,
        times,
    }
}
