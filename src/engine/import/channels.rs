//! Slice, Split, Concat along the channels, and the Reshape → Transpose → Reshape of a channel
//! shuffle.

use super::{Import, Stop, Value};
use crate::engine::graph::{Id, Kind};
use crate::engine::onnx::Attributes;
use tract_onnx::pb::NodeProto;

type Known = Result<Option<Value>, Stop>;

impl<'a> Import<'a> {
    fn take(
        &mut self,
        name: &str,
        id: Id,
        [h, w]: [usize; 2],
        channels: Vec<(usize, usize)>,
    ) -> Known {
        let dims = vec![1, channels.len(), h, w];
        self.push(name, Kind::Channels(channels), vec![id], dims)
            .map(|id| Some(Value::Node(id)))
    }

    pub(super) fn slice(&mut self, node: &'a NodeProto, attributes: &Attributes) -> Known {
        let Some((id, [c, h, w])) = self.picture(node, 0) else {
            return Ok(None);
        };
        let list = |index: usize, name: &str| match node.input.get(index).filter(|n| !n.is_empty())
        {
            Some(_) => self.ints(node, index),
            None => attributes.ints(name).map(<[i64]>::to_vec),
        };
        let starts = list(1, "starts");
        let ends = list(2, "ends");
        let axes = list(3, "axes").unwrap_or_else(|| vec![0]);
        let steps = list(4, "steps").unwrap_or_else(|| vec![1]);
        let (Some(&[start]), Some(&[end])) = (starts.as_deref(), ends.as_deref()) else {
            return Ok(None);
        };
        if !matches!(axes[..], [1] | [-3]) || steps[..] != [1] {
            return Ok(None);
        }
        let place = |i: i64| {
            (if i < 0 { i.saturating_add(c as i64) } else { i }).clamp(0, c as i64) as usize
        };
        let start = place(start);
        let end = place(end);
        if start >= end {
            return Err(format!("an empty slice, channels {start} to {end}"));
        }
        self.take(
            &node.name,
            id,
            [h, w],
            (start..end).map(|c| (0, c)).collect(),
        )
    }

    pub(super) fn split(
        &mut self,
        node: &'a NodeProto,
        attributes: &Attributes,
    ) -> Result<(), Stop> {
        let Some((id, [c, h, w])) = self.picture(node, 0) else {
            return Err("it splits no picture".into());
        };
        if !matches!(attributes.int("axis", 0), 1 | -3) {
            return Err("only a split of channels is supported".into());
        }
        let parts: Vec<i64> = match (self.ints(node, 1), attributes.ints("split")) {
            (Some(parts), _) => parts,
            (None, Some(parts)) => parts.to_vec(),
            (None, None) => {
                let each = c.div_ceil(node.output.len().max(1));
                (0..node.output.len())
                    .map(|i| (c.min((i + 1) * each) - c.min(i * each)) as i64)
                    .collect()
            }
        };
        let sum = parts.iter().try_fold(0i64, |s, &p| s.checked_add(p));
        if parts.len() != node.output.len()
            || parts.iter().any(|&p| p <= 0)
            || sum != Some(c as i64)
        {
            return Err(format!("parts of {parts:?} channels of {c}"));
        }
        let mut start = 0;
        for (name, part) in node.output.iter().zip(parts) {
            let end = start + part as usize;
            if let Some(value) = self.take(
                &node.name,
                id,
                [h, w],
                (start..end).map(|c| (0, c)).collect(),
            )? {
                self.values.insert(name, value);
            }
            start = end;
        }
        Ok(())
    }

    pub(super) fn concat(&mut self, node: &'a NodeProto, attributes: &Attributes) -> Known {
        let parts: Option<Vec<_>> = (0..node.input.len())
            .map(|i| self.picture(node, i))
            .collect();
        let Some(parts) = parts else { return Ok(None) };
        let Some(&(_, [_, h, w])) = parts.first() else {
            return Ok(None);
        };
        if !matches!(attributes.int("axis", 0), 1 | -3)
            || parts.iter().any(|(_, s)| s[1..] != [h, w])
        {
            return Ok(None);
        }
        let channels: Vec<_> = parts
            .iter()
            .enumerate()
            .flat_map(|(i, (_, s))| (0..s[0]).map(move |c| (i, c)))
            .collect();
        let dims = vec![1, channels.len(), h, w];
        self.push(
            &node.name,
            Kind::Channels(channels),
            parts.iter().map(|p| p.0).collect(),
            dims,
        )
        .map(|id| Some(Value::Node(id)))
    }

    /// Channels c to groups x c/groups, or back.
    pub(super) fn reshape(&mut self, node: &'a NodeProto, attributes: &Attributes) -> Known {
        let target = self
            .ints(node, 1)
            .or_else(|| attributes.ints("shape").map(<[i64]>::to_vec));
        let Some(mut target) = target else {
            return Ok(None);
        };
        match self.input(node, 0).cloned() {
            Some(Value::Node(id)) => {
                let Some(shape) = self.graph.nodes[id].shape() else {
                    return Ok(None);
                };
                let known: i64 = target.iter().filter(|&&d| d > 0).product();
                if let ([-1..=1, ..], 1) =
                    (&target[..], target.iter().filter(|&&d| d == -1).count())
                {
                    let rest = if known > 0 {
                        shape.count() as i64 / known
                    } else {
                        0
                    };
                    target
                        .iter_mut()
                        .filter(|d| **d == -1)
                        .for_each(|d| *d = rest);
                }
                let [0 | 1, groups, each, h, w] = target[..] else {
                    return Ok(None);
                };
                let fits =
                    groups > 0 && each > 0 && groups.checked_mul(each) == Some(shape.c as i64);
                if !fits || [h, w] != [shape.h as i64, shape.w as i64] {
                    return Ok(None);
                }
                // Anything but a shuffle would read it: only then is it worth a foreign node.
                Ok(self.shuffles(node).then_some(Value::Groups {
                    of: id,
                    groups: groups as usize,
                    swapped: false,
                }))
            }
            Some(Value::Groups {
                of,
                groups,
                swapped,
            }) => {
                let shape = self.graph.nodes[of]
                    .shape()
                    .ok_or("a shuffle of no picture")?;
                if target.len() != 4 || target[1] != shape.c as i64 && target[1] != -1 {
                    return Err(
                        "a channel shuffle that does not end in the shape it began with".into(),
                    );
                }
                if !swapped {
                    return Ok(Some(Value::Node(of)));
                }
                let each = shape.c / groups;
                let channels = (0..shape.c)
                    .map(|c| (0, c % groups * each + c / groups))
                    .collect();
                self.take(&node.name, of, [shape.h, shape.w], channels)
            }
            _ => Ok(None),
        }
    }

    pub(super) fn transpose(&mut self, node: &'a NodeProto, attributes: &Attributes) -> Known {
        match self.input(node, 0) {
            Some(&Value::Groups {
                of,
                groups,
                swapped: false,
            }) if attributes.ints("perm") == Some(&[0, 2, 1, 3, 4]) => Ok(Some(Value::Groups {
                of,
                groups,
                swapped: true,
            })),
            Some(Value::Groups { .. }) => Err("a shuffle other than of groups and channels".into()),
            _ => Ok(None),
        }
    }

    /// Whether a Transpose that swaps groups and channels follows, perhaps after a rounding.
    fn shuffles(&self, node: &NodeProto) -> bool {
        let nodes = self.model.graph.as_ref().map_or(&[][..], |g| &g.node[..]);
        let mut name = node.output.first();
        for _ in 0..3 {
            let reader = name
                .and_then(|name| self.uses.get(name.as_str()))
                .and_then(|uses| nodes.get(uses.first));
            match reader {
                Some(reader) if reader.op_type == "Transpose" => {
                    return Attributes(reader).ints("perm") == Some(&[0, 2, 1, 3, 4]);
                }
                Some(reader)
                    if matches!(
                        reader.op_type.as_str(),
                        "QuantizeLinear" | "DequantizeLinear"
                    ) =>
                {
                    name = reader.output.first();
                }
                _ => return false,
            }
        }
        false
    }
}
