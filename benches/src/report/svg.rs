//! Bar charts: one bar per contestant to its median, a whisker from minimum to maximum.

use super::html::escape;
use crate::number::number;
use crate::stats::Spread;

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// The text on its left.
    pub label: String,
    /// Its CSS class.
    pub class: &'static str,
    /// Its values.
    pub spread: Spread,
}

const WIDTH: f64 = 960.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 90.0;
const ROW: f64 = 24.0;
const FOOT: f64 = 34.0;
/// Values that span more than this factor get a logarithmic axis.
const LOG_FROM: f64 = 20.0;

/// A horizontal axis.
#[derive(Clone, Debug, PartialEq)]
struct Axis {
    low: f64,
    high: f64,
    log: bool,
    ticks: Vec<f64>,
}

impl Axis {
    fn for_bars(bars: &[Bar]) -> Axis {
        let high = bars.iter().map(|bar| bar.spread.max).fold(0.0, f64::max);
        let positive = bars.iter().flat_map(|bar| [bar.spread.min, bar.spread.median]).filter(|&value| value > 0.0);
        let low = positive.fold(f64::INFINITY, f64::min);
        if high <= 0.0 {
            return Axis { low: 0.0, high: 1.0, log: false, ticks: vec![0.0] };
        }
        if high / low > LOG_FROM {
            // The axis begins below the smallest value, so that its bar is visible.
            let (first, last) = ((low / 2.0).log10().floor() as i32, high.log10().ceil() as i32);
            let low = 10f64.powi(first);
            let ticks = (first..=last).map(|power| 10f64.powi(power)).filter(|&tick| tick <= high * 1.05).collect();
            return Axis { low, high: high * 1.05, log: true, ticks };
        }
        let step = nice_step(high / 5.0);
        let ticks = (0..=10).map(|index| f64::from(index) * step).take_while(|&tick| tick <= high * 1.001).collect();
        Axis { low: 0.0, high: high * 1.02, log: false, ticks }
    }

    fn x(&self, value: f64) -> f64 {
        let part = if self.log {
            if value <= self.low { 0.0 } else { (value / self.low).ln() / (self.high / self.low).ln() }
        } else {
            (value - self.low) / (self.high - self.low)
        };
        LEFT + part.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }
}

/// 1, 2 or 5 times a power of ten, not below `step`.
fn nice_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|&nice| nice >= step).unwrap_or(10.0 * power)
}

/// The chart of `bars`, with `unit` under its axis.
pub fn chart(bars: &[Bar], unit: &str) -> String {
    let axis = Axis::for_bars(bars);
    let bottom = ROW * bars.len() as f64 + 6.0;
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"{}\">\n", bottom + FOOT, escape(unit));
    for &tick in &axis.ticks {
        let x = axis.x(tick);
        svg += &format!("<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{bottom:.0}\"/>");
        let text = number(tick);
        svg += &format!(
            "<text class=\"soft\" x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{text}</text>\n",
            bottom + 14.0
        );
    }
    for (index, bar) in bars.iter().enumerate() {
        let (top, middle) = (ROW * index as f64 + 4.0, ROW * index as f64 + ROW / 2.0 + 2.0);
        let (min, median, max) = (axis.x(bar.spread.min), axis.x(bar.spread.median), axis.x(bar.spread.max));
        let width = (median - LEFT).max(1.0);
        svg += &format!(
            "<g><title>{label}: median {}, {} to {}</title>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\
             <rect class=\"{}\" x=\"{LEFT}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.0}\" rx=\"2\"/>\
             <line class=\"whisker\" x1=\"{min:.1}\" x2=\"{max:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>\
             <line class=\"whisker\" x1=\"{min:.1}\" x2=\"{min:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>\
             <line class=\"whisker\" x1=\"{max:.1}\" x2=\"{max:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text></g>\n",
            number(bar.spread.median),
            number(bar.spread.min),
            number(bar.spread.max),
            LEFT - 8.0,
            middle + 4.0,
            bar.class,
            ROW - 8.0,
            middle - 4.0,
            middle + 4.0,
            middle - 4.0,
            middle + 4.0,
            max.max(median) + 8.0,
            middle + 4.0,
            number(bar.spread.median),
            label = escape(&bar.label),
        );
    }
    let scale = if axis.log { " (logarithmic)" } else { "" };
    let x = LEFT + (WIDTH - LEFT - RIGHT) / 2.0;
    svg += &format!(
        "<text class=\"soft\" x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}{scale}</text>\n</svg>\n",
        bottom + 30.0,
        escape(unit)
    );
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(min: f64, median: f64, max: f64) -> Bar {
        Bar { label: "<x>".into(), class: "peer", spread: Spread { min, median, max } }
    }

    #[test]
    fn wide_spans_get_a_logarithmic_axis_with_every_value_on_it() {
        let narrow = Axis::for_bars(&[bar(10.0, 20.0, 40.0)]);
        assert!(!narrow.log);
        assert_eq!(narrow.ticks, [0.0, 10.0, 20.0, 30.0, 40.0]);
        let wide = Axis::for_bars(&[bar(0.5, 0.6, 0.7), bar(90.0, 100.0, 900.0)]);
        assert!(wide.log);
        assert_eq!(wide.ticks, [0.1, 1.0, 10.0, 100.0]);
        assert!(wide.x(0.6) > LEFT && wide.x(0.6) < wide.x(100.0) && wide.x(900.0) < WIDTH - RIGHT);
    }

    #[test]
    fn zeros_are_drawn_at_the_origin() {
        let zeros = Axis::for_bars(&[bar(0.0, 0.0, 0.0)]);
        assert_eq!(zeros.x(0.0), LEFT);
        let mixed = Axis::for_bars(&[bar(0.0, 0.0, 0.0), bar(1.0, 100.0, 100.0)]);
        assert_eq!(mixed.x(0.0), LEFT);
    }

    #[test]
    fn labels_are_escaped() {
        let svg = chart(&[bar(1.0, 2.0, 3.0)], "ns & more");
        assert!(svg.contains("&lt;x&gt;") && !svg.contains("<x>") && svg.contains("ns &amp; more"));
    }
}
