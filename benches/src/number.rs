//! Figures formatted for people.

/// A figure with three significant digits or all its whole ones, thousands separated.
pub fn number(value: f64) -> String {
    let magnitude = value.abs();
    let digits = match magnitude {
        _ if !value.is_finite() => return "∞".to_owned(),
        0.0 => return "0".to_owned(),
        _ if magnitude >= 99.95 => 0,
        _ if magnitude >= 9.995 => 1,
        _ if magnitude >= 0.995 => 2,
        _ if magnitude >= 0.0995 => 3,
        _ if magnitude >= 0.000995 => 4,
        _ => 6,
    };
    let text = format!("{value:.digits$}");
    let whole = text.find('.').unwrap_or(text.len());
    let sign = usize::from(value < 0.0);
    let mut separated = String::with_capacity(text.len() + 4);
    for (index, character) in text.chars().enumerate() {
        if index > sign && index < whole && (whole - index) % 3 == 0 {
            separated.push(',');
        }
        separated.push(character);
    }
    separated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_three_digits_that_count() {
        let shown = [0.0, 0.00012, 0.0123, 0.5, 1.0, 9.999, 12.34, 123.4, 1234.5, 1_234_567.0, -1234.0];
        let shown = shown.map(number);
        let expected =
            ["0", "0.000120", "0.0123", "0.500", "1.00", "10.0", "12.3", "123", "1,234", "1,234,567", "-1,234"];
        assert_eq!(shown, expected);
        assert_eq!(number(f64::INFINITY), "∞");
    }
}
