//! Moves of channels.

use crate::engine::graph::{Graph, Kind};

/// Before:
/// ```text
///   a ─┐
///      ├─ concat ── shuffle ── slice
///   b ─┘
/// ```
/// after, so that only what is read is moved, and once:
/// ```text
///   a ─┐
///      ├─ channels
///   b ─┘
/// ```
/// A move that others read too stays as well, and is then read by nobody here.
pub fn compose(graph: &mut Graph) {
    let readers = graph.readers();
    for id in 0..graph.nodes.len() {
        let Kind::Channels(outer) = &graph.nodes[id].kind else {
            continue;
        };
        let [inner] = graph.nodes[id].inputs[..] else {
            continue;
        };
        let Kind::Channels(map) = &graph.nodes[inner].kind else {
            continue;
        };
        // A concat whose parts are all read as slices is worth keeping whole: slices of it are
        // free.
        if readers[inner].len() > 1 {
            continue;
        }
        let channels = outer.iter().map(|&(_, c)| map[c]).collect();
        let inputs = graph.nodes[inner].inputs.clone();
        graph.nodes[id].kind = Kind::Channels(channels);
        graph.nodes[id].inputs = inputs;
    }
    graph.prune();
}
