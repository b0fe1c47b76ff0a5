//! Roundings.

use crate::engine::graph::{Graph, Id, Kind, Node, Steps};

/// Before, where a shuffle joins two results that are rounded afterwards:
/// ```text
///   conv ─┐
///         ├─ channels ── round
///   conv ─┘
/// ```
/// after, so that each convolution can round its own:
/// ```text
///   conv ── round ─┐
///                  ├─ channels
///   conv ── round ─┘
/// ```
/// A rounding acts on every channel alone, so it may go before any move of channels, each channel
/// keeping its grid.
pub fn push_up(graph: &mut Graph) {
    let mut readers = graph.readers();
    let nodes = graph.nodes.len();
    let mut rounds: Vec<Id> = (0..nodes)
        .filter(|&id| matches!(graph.nodes[id].kind, Kind::Round(_)))
        .collect();
    while let Some(id) = rounds.pop() {
        let Kind::Round(steps) = &graph.nodes[id].kind else {
            continue;
        };
        let steps = steps.clone();
        let moved = graph.nodes[id].inputs[0];
        let Kind::Channels(channels) = &graph.nodes[moved].kind else {
            continue;
        };
        let sources = &graph.nodes[moved].inputs;
        let alone = readers[moved].len() == 1
            && moved != graph.output
            && sources.iter().all(|&s| readers[s].len() == 1);
        if !alone {
            continue;
        }
        // Of each source the grid of every channel, if all of them are used once.
        let grids: Option<Vec<Steps>> = sources
            .iter()
            .enumerate()
            .map(|(s, &source)| of_source(channels, s, &steps, graph, source))
            .collect();
        let Some(grids) = grids else { continue };
        // The rounding's node takes the move's place, the move's node the (first) rounding's: order
        // and readers stay.
        let round_name = graph.nodes[id].name.clone();
        let move_node = graph.nodes[moved].clone();
        if let ([source], [grid]) = (&sources[..], &grids[..]) {
            let source = *source;
            let dims = graph.nodes[source].dims.clone();
            graph.nodes[moved] = Node {
                name: round_name,
                kind: Kind::Round(grid.clone()),
                inputs: vec![source],
                dims,
            };
            graph.nodes[id] = Node {
                inputs: vec![moved],
                ..move_node
            };
            rounds.push(moved);
        } else {
            rounds.extend(insert_rounds(graph, &mut readers, id, moved, grids));
        }
    }
    in_order(graph, nodes);
    graph.prune();
}

/// Puts a rounding behind every source of the move `moved`, at the end of the nodes, and takes the
/// rounding `id` after it out.
fn insert_rounds(
    graph: &mut Graph,
    readers: &mut Vec<Vec<Id>>,
    id: Id,
    moved: Id,
    grids: Vec<Steps>,
) -> Vec<Id> {
    let name = graph.nodes[id].name.clone();
    let mut rounds = Vec::new();
    for (source, grid) in graph.nodes[moved].inputs.clone().into_iter().zip(grids) {
        let dims = graph.nodes[source].dims.clone();
        rounds.push(graph.push(Node {
            name: name.clone(),
            kind: Kind::Round(grid),
            inputs: vec![source],
            dims,
        }));
        readers[source] = vec![rounds[rounds.len() - 1]];
        readers.push(vec![moved]);
    }
    graph.nodes[moved].inputs.clone_from(&rounds);
    readers[moved] = std::mem::take(&mut readers[id]);
    for &reader in &readers[moved] {
        graph.nodes[reader]
            .inputs
            .iter_mut()
            .filter(|i| **i == id)
            .for_each(|i| *i = moved);
    }
    if graph.output == id {
        graph.output = moved;
    }
    rounds
}

/// Brings the nodes behind the first `nodes` before their first reader.
fn in_order(graph: &mut Graph, nodes: usize) {
    let mut order: Vec<Id> = Vec::with_capacity(graph.nodes.len());
    let mut placed = vec![false; graph.nodes.len()];
    for id in 0..nodes {
        let mut waiting = vec![id];
        while let Some(&next) = waiting.last() {
            match graph.nodes[next].inputs.iter().find(|&&i| !placed[i]) {
                Some(&input) => waiting.push(input),
                None => {
                    waiting.pop();
                    if !std::mem::replace(&mut placed[next], true) {
                        order.push(next);
                    }
                }
            }
        }
    }
    let mut place = vec![0; graph.nodes.len()];
    order
        .iter()
        .enumerate()
        .for_each(|(new, &old)| place[old] = new);
    graph.output = place[graph.output];
    let mut old: Vec<Option<Node>> = std::mem::take(&mut graph.nodes)
        .into_iter()
        .map(Some)
        .collect();
    graph.nodes = order.iter().filter_map(|&id| old[id].take()).collect();
    for node in &mut graph.nodes {
        node.inputs.iter_mut().for_each(|i| *i = place[*i]);
    }
}

fn of_source(
    channels: &[(usize, usize)],
    source: usize,
    steps: &Steps,
    graph: &Graph,
    id: Id,
) -> Option<Steps> {
    let c = graph.nodes[id].shape()?.c;
    let mut found: Vec<Option<(f32, i8)>> = vec![None; c];
    for (out, &(s, channel)) in channels.iter().enumerate() {
        if s == source && found[channel].replace(steps.at(out)).is_some() {
            return None;
        }
    }
    let found: Vec<(f32, i8)> = found.into_iter().collect::<Option<_>>()?;
    let grid = Steps {
        scale: found.iter().map(|f| f.0).collect(),
        zero: found.iter().map(|f| f.1).collect(),
    };
    Some(if grid.is_uniform() {
        Steps {
            scale: vec![grid.scale[0]],
            zero: vec![grid.zero[0]],
        }
    } else {
        grid
    })
}

/// A value that is on a grid already is not rounded to it again: `round ── channels ── round` with
/// the same grid loses the second.
pub fn drop_repeated(graph: &mut Graph) {
    let readers = graph.readers();
    let mut grids: Vec<Option<Steps>> = Vec::with_capacity(graph.nodes.len());
    let mut instead: Vec<Id> = (0..graph.nodes.len()).collect();
    for id in 0..graph.nodes.len() {
        let inputs: Vec<Id> = graph.nodes[id].inputs.iter().map(|&i| instead[i]).collect();
        graph.nodes[id].inputs.clone_from(&inputs);
        let channels = graph.nodes[id].shape().map_or(0, |s| s.c);
        let grid = match &graph.nodes[id].kind {
            Kind::Round(steps) => {
                let steps = steps.expand(channels);
                // An enlargement that no product or sum does itself is an operator, and rounds.
                let by_reader = |&r: &Id| matches!(graph.nodes[r].kind, Kind::Mul | Kind::Add);
                let enlarged = matches!(graph.nodes[inputs[0]].kind, Kind::Nearest(_));
                let made = enlarged && !readers[id].iter().all(by_reader);
                let same = grids[inputs[0]].as_ref() == Some(&steps);
                if same && !made && id != graph.output {
                    instead[id] = inputs[0];
                }
                Some(steps)
            }
            Kind::Channels(map) => {
                let at = |&(s, c): &(usize, usize)| grids[inputs[s]].as_ref().map(|g| g.at(c));
                map.iter()
                    .map(at)
                    .collect::<Option<Vec<_>>>()
                    .map(|found| Steps {
                        scale: found.iter().map(|f| f.0).collect(),
                        zero: found.iter().map(|f| f.1).collect(),
                    })
            }
            Kind::Nearest(_) => grids[inputs[0]].clone(),
            _ => None,
        };
        grids.push(grid);
    }
    graph.prune();
}
