//! Sums without rounding errors, by the method of J. R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic
//! and Fast Robust Geometric Predicates" (1997): the sum is kept as parts that do not overlap, and only the
//! result is rounded. So a sum does not depend on the order of its terms.

/// The correctly rounded sum. Terms must be small enough that no partial sum overflows.
pub(super) fn sum(terms: impl IntoIterator<Item = f64>) -> f64 {
    let mut parts: Vec<f64> = Vec::new();
    for mut term in terms {
        let mut kept = 0;
        for index in 0..parts.len() {
            let (high, low) = two_sum(term, parts[index]);
            if low != 0.0 {
                parts[kept] = low;
                kept += 1;
            }
            term = high;
        }
        parts.truncate(kept);
        parts.push(term);
    }
    rounded(&parts)
}

/// The sum and what rounding took from it, exactly.
fn two_sum(left: f64, right: f64) -> (f64, f64) {
    let (large, small) = if left.abs() < right.abs() { (right, left) } else { (left, right) };
    let high = large + small;
    (high, small - (high - large))
}

/// The parts as one number, to the nearest, ties to even.
fn rounded(parts: &[f64]) -> f64 {
    let mut rest = parts.iter().rev().copied();
    let Some(mut high) = rest.next() else { return 0.0 };
    let mut low = 0.0;
    for part in rest.by_ref() {
        (high, low) = two_sum(high, part);
        if low != 0.0 {
            break;
        }
    }
    // Half-way cases are decided by the next part: when it pulls the way the remainder does, the remainder is
    // more than half.
    if let Some(next) = rest.next()
        && ((low < 0.0 && next < 0.0) || (low > 0.0 && next > 0.0))
    {
        let doubled = low * 2.0;
        let moved = high + doubled;
        if moved - high == doubled {
            high = moved;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_correctly_rounded() {
        assert_eq!(sum([]), 0.0);
        assert_eq!(sum(std::iter::repeat_n(0.1, 10)), 1.0);
        assert_eq!(sum([1e16, 1.0, 1e-16]), 10_000_000_000_000_002.0);
        assert_eq!(sum([1e100, 1.0, -1e100, 1e-100]), 1.0);
        assert_eq!(sum([1e308, -1e308, 5e-324]), 5e-324);
    }

    #[test]
    fn the_order_of_the_terms_does_not_matter() {
        let terms: Vec<f64> = (1..2000).map(|i| f64::from(i).sin() * 10_f64.powi(i % 40 - 20)).collect();
        let backwards = terms.iter().rev().copied();
        assert_eq!(sum(terms.iter().copied()).to_bits(), sum(backwards).to_bits());
    }
}
