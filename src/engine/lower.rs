//! From [`Graph`] to [`Program`]: which nodes run together as one operator, and where every value
//! lies.
//!
//! Small passes, in this order:
//! 1. `rounds::push_up`, `rounds::drop_repeated`, `moves::compose`: roundings and channel moves out
//!    of each other's way;
//! 2. `units::find`: convolution + activation + rounding, sums, gates, pools become units;
//! 3. `places::assign`: slices and concats become places in memory, and every value gets its bytes.

mod moves;
mod places;
mod rounds;
mod units;

use super::graph::Graph;
use super::program::Program;

/// # Errors
/// The graph's output is no picture.
pub fn lower(mut graph: Graph) -> Result<Program, String> {
    moves::compose(&mut graph);
    rounds::push_up(&mut graph);
    rounds::drop_repeated(&mut graph);
    let units = units::find(&graph);
    places::assign(&graph, units)
}
