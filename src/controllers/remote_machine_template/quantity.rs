//! Amounts as Kubernetes writes them, as far as they are compared here.
//! <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>

/// How much it is; nothing of a text that is no quantity. Two that differ by less than a 2^52nd count as the same.
pub(super) fn amount(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let number: f64 = number.parse().ok()?;
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0_f64.powi(2),
        "Gi" => 1024.0_f64.powi(3),
        "Ti" => 1024.0_f64.powi(4),
        "Pi" => 1024.0_f64.powi(5),
        "Ei" => 1024.0_f64.powi(6),
        exponent => {
            let exponent: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            10.0_f64.powi(exponent)
        }
    };
    let amount = number * factor;
    amount.is_finite().then_some(amount)
}

#[cfg(test)]
mod tests {
    use super::amount;

    #[test]
    fn amounts_are_compared_by_what_they_are() {
        for (small, great) in [
            ("1", "1.5"),
            ("900m", "1"),
            ("1G", "1Gi"),
            ("1023Mi", "1Gi"),
            ("2e3", "3k"),
            ("1Ti", "2Ti"),
        ] {
            assert!(amount(small) < amount(great), "{small} {great}");
        }
        assert_eq!(amount("1Ki"), amount("1024"));
        assert_eq!(amount("12E2"), amount("1200"));
        for text in ["", "x", "1x", "1 Gi", "--1", "1e", "NaN", "inf", "1e999"] {
            assert_eq!(amount(text), None, "{text}");
        }
    }
}
