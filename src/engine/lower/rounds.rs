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
/// A rounding acts on every channel alone, so it may go before any move of channels, each channel keeping its grid.
pub fn push_up(graph: &mut Graph) {
    let mut readers = graph.readers();
    for id in (0..graph.nodes.len()).rev() {
        let Kind::Round(steps) = &graph.nodes[id].kind else { continue };
        let steps = steps.clone();
        let moved = graph.nodes[id].inputs[0];
        let Kind::Channels(channels) = &graph.nodes[moved].kind else { continue };
        let channels = channels.clone();
        let sources = graph.nodes[moved].inputs.clone();
        let alone = readers[moved].len() == 1 && moved != graph.output && sources.iter().all(|&s| readers[s].len() == 1);
        // Of each source the grid of every channel, if all of them are used once.
        let grids: Option<Vec<Steps>> =
            sources.iter().enumerate().map(|(s, &source)| of_source(&channels, s, &steps, graph, source)).collect();
        let (true, Some(grids)) = (alone, grids) else { continue };
        // The rounding's node takes the move's place, the move's node the (first) rounding's: order and readers stay.
        let (round_name, move_node) = (graph.nodes[id].name.clone(), graph.nodes[moved].clone());
        if let ([source], [grid]) = (&sources[..], &grids[..]) {
            let dims = graph.nodes[*source].dims.clone();
            graph.nodes[moved] = Node { name: round_name, kind: Kind::Round(grid.clone()), inputs: vec![*source], dims };
            graph.nodes[id] = Node { inputs: vec![moved], ..move_node };
        } else {
            insert_rounds(graph, id, moved, grids);
        }
        readers = graph.readers();
    }
}

/// Puts a rounding behind every source of the move `moved`, and drops the rounding `id` after it.
fn insert_rounds(graph: &mut Graph, id: Id, moved: Id, grids: Vec<Steps>) {
    let count = grids.len();
    let name = graph.nodes[id].name.clone();
    let sources = graph.nodes[moved].inputs.clone();
    let rounds: Vec<Node> = sources
        .iter()
        .zip(grids)
        .map(|(&s, grid)| Node {
            name: name.clone(),
            kind: Kind::Round(grid),
            inputs: vec![s],
            dims: graph.nodes[s].dims.clone(),
        })
        .collect();
    // Everything from `moved` on goes down by `count`; readers of the old rounding read the move.
    let place = |old: Id| {
        if old == id {
            moved + count
        } else if old >= moved {
            old + count
        } else {
            old
        }
    };
    let tail = graph.nodes.split_off(moved);
    graph.nodes.extend(rounds);
    graph.nodes.extend(tail);
    for node in &mut graph.nodes[moved + count..] {
        node.inputs.iter_mut().for_each(|i| *i = place(*i));
    }
    graph.nodes[moved + count].inputs = (moved..moved + count).collect();
    graph.output = place(graph.output);
    graph.prune();
}

fn of_source(channels: &[(usize, usize)], source: usize, steps: &Steps, graph: &Graph, id: Id) -> Option<Steps> {
    let c = graph.nodes[id].shape()?.c;
    let mut found: Vec<Option<(f32, i8)>> = vec![None; c];
    for (out, &(s, channel)) in channels.iter().enumerate() {
        if s == source && found[channel].replace(steps.at(out)).is_some() {
            return None;
        }
    }
    let found: Vec<(f32, i8)> = found.into_iter().collect::<Option<_>>()?;
    let grid = Steps { scale: found.iter().map(|f| f.0).collect(), zero: found.iter().map(|f| f.1).collect() };
    Some(if grid.is_uniform() { Steps { scale: vec![grid.scale[0]], zero: vec![grid.zero[0]] } } else { grid })
}

/// A value that is on a grid already is not rounded to it again: `round ── channels ── round` with the same grid loses the second.
pub fn drop_repeated(graph: &mut Graph) {
    let mut grids: Vec<Option<Steps>> = Vec::with_capacity(graph.nodes.len());
    let mut instead: Vec<Id> = (0..graph.nodes.len()).collect();
    for id in 0..graph.nodes.len() {
        let inputs: Vec<Id> = graph.nodes[id].inputs.iter().map(|&i| instead[i]).collect();
        graph.nodes[id].inputs.clone_from(&inputs);
        let channels = graph.nodes[id].shape().map_or(0, |s| s.c);
        let grid = match &graph.nodes[id].kind {
            Kind::Round(steps) => {
                let steps = steps.expand(channels);
                if grids[inputs[0]].as_ref() == Some(&steps) && id != graph.output {
                    instead[id] = inputs[0];
                }
                Some(steps)
            }
            Kind::Channels(map) => {
                let at = |&(s, c): &(usize, usize)| grids[inputs[s]].as_ref().map(|g| g.at(c));
                map.iter()
                    .map(at)
                    .collect::<Option<Vec<_>>>()
                    .map(|found| Steps { scale: found.iter().map(|f| f.0).collect(), zero: found.iter().map(|f| f.1).collect() })
            }
            Kind::Nearest(_) => grids[inputs[0]].clone(),
            _ => None,
        };
        grids.push(grid);
    }
    graph.prune();
}
