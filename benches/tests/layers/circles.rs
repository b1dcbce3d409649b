//! Circles of files.

use std::collections::{BTreeMap, BTreeSet};

use crate::arrows::Arrow;

/// Which file needs which, with the first arrow that says so.
pub(crate) type Needs<'a> = BTreeMap<(&'a str, &'a str), &'a Arrow>;

/// The files that each file needs directly.
pub(crate) fn needs(arrows: &BTreeSet<Arrow>) -> Needs<'_> {
    let mut needs = Needs::new();
    for arrow in arrows {
        if let Some(needed) = &arrow.needs {
            needs.entry((&arrow.file, needed)).or_insert(arrow);
        }
    }
    needs
}

/// Every set of three or more files in which each file reaches every other.
///
/// A module and its child may need each other. Children that meet their siblings only through their parent form no larger
/// circle. So a child is left out of a circle if, in either direction, the parent is its only neighbour in the circle.
pub(crate) fn circles<'a>(needs: &Needs<'a>, parent: impl Fn(&str) -> Option<&'a str>) -> Vec<BTreeSet<&'a str>> {
    let files: BTreeSet<&str> = needs.keys().flat_map(|&(from, to)| [from, to]).collect();
    let reached: BTreeMap<&str, BTreeSet<&str>> = files.iter().map(|&file| (file, reach(needs, file))).collect();
    let mut circles = BTreeSet::new();
    for file in files {
        let mut circle: BTreeSet<&str> =
            reached[file].iter().copied().filter(|other| reached[other].contains(file)).collect();
        while let Some(child) = circle.iter().copied().find(|&child| {
            let met = needs.keys().filter_map(|&(from, to)| match () {
                () if from == child => Some(to),
                () if to == child => Some(from),
                () => None,
            });
            met.filter(|other| circle.contains(other)).all(|other| Some(other) == parent(child))
        }) {
            circle.remove(child);
        }
        if circle.len() > 2 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

/// All files that `file` needs, directly or not.
fn reach<'a>(needs: &Needs<'a>, file: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(next) = open.pop() {
        for &(from, to) in needs.keys() {
            if from == next && reached.insert(to) {
                open.push(to);
            }
        }
    }
    reached
}
