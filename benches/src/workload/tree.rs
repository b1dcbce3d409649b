//! The sum over a binary tree, with one join per node: little work between forks, much memory to walk.

use super::description::{Metric, Workload, workload};
use crate::capability::Join;
use crate::measure::{Measured, Meter, Params, Run, nanos_per, with_contestant};

const METRICS: &[Metric] = &[Metric::lower("time", "ns/node", "")];

/// A small tree, summed many times, and a big one.
pub const WORKLOADS: [Workload; 2] = [
    workload("tree-small", "sum over a tree of 1,023 nodes, a join per node", METRICS, "node"),
    workload("tree-big", "sum over a tree of 1 M nodes (--full: 16.7 M), a join per node", METRICS, "node"),
];

pub(crate) fn cells<C: Join>() -> [(&'static str, Run); 2] {
    [("tree-small", small::<C>), ("tree-big", big::<C>)]
}

/// A node of a full binary tree.
struct Node {
    value: u64,
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
}

impl Node {
    /// A tree of `2^layers - 1` nodes, numbered as in a heap from 1, and lying in memory in that order.
    ///
    /// Built depth first, the nodes would lie in the order of one of two walks, left child first or right child first. That
    /// walk would be three times as fast as the other, which measures the processor's prefetcher and not a `join`.
    fn full(layers: u32) -> Box<Node> {
        let mut nodes: Vec<Box<Node>> =
            (1..1 << layers).map(|value| Box::new(Node { value, left: None, right: None })).collect();
        while nodes.len() > 1 {
            let parent = nodes.len() / 2 - 1;
            let right = nodes.pop();
            let left = nodes.pop();
            nodes[parent].left = left;
            nodes[parent].right = right;
        }
        nodes.remove(0)
    }
}

/// The input of `tree-small`.
struct Small(Box<Node>);

/// The input of `tree-big`.
struct Big(Box<Node>);

fn sum<C: Join>(fork: &mut C::Fork<'_>, node: &Node) -> u64 {
    let (left, right) = C::join(
        fork,
        |fork| node.left.as_deref().map_or(0, |node| sum::<C>(fork, node)),
        |fork| node.right.as_deref().map_or(0, |node| sum::<C>(fork, node)),
    );
    node.value + left + right
}

fn small<C: Join>(params: &Params) -> Measured {
    const LAYERS: u32 = 10;
    let tree = params.inputs.shared(|| Ok(Small(Node::full(LAYERS))))?;
    measure::<C>(params, &tree.0, LAYERS, params.scale.pick(5, 100, 1_000, 3_000))
}

fn big<C: Join>(params: &Params) -> Measured {
    let layers = params.scale.pick(12, 16, 20, 24);
    let tree = params.inputs.shared(|| Ok(Big(Node::full(layers))))?;
    measure::<C>(params, &tree.0, layers, params.scale.pick(1, 1, 2, 1))
}

fn measure<C: Join>(params: &Params, tree: &Node, layers: u32, times: u64) -> Measured {
    let nodes = (1u64 << layers) - 1;
    let expected = nodes * (nodes + 1) / 2;
    with_contestant::<C>(params, |pool| {
        let meter = Meter::start();
        let wrong = pool.root(move |fork| {
            (0..times).map(|_| sum::<C>(fork, std::hint::black_box(tree))).find(|&sum| sum != expected)
        });
        let wall = meter.wall();
        if let Some(sum) = wrong {
            return Err(format!("the sum is {expected}, not {sum}"));
        }
        Ok(meter.sample(nanos_per(wall, nodes * times), nodes * times))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Contestant;
    use crate::contestant::Sequential;

    #[test]
    fn a_full_tree_holds_each_number_once() {
        let tree = Node::full(10);
        let total = Sequential::start(1).root(|fork| sum::<Sequential>(fork, &tree));
        assert_eq!(total, 1_023 * 1_024 / 2);
    }
}
