//! Integers of any size as text.

/// The largest integer that is written out, in bytes: some 2400 digits.
const MOST_BYTES: usize = 1_000;

/// The decimal digits of a number by its bytes, big-endian; None when it is too large to be written out.
pub(in crate::codec) fn digits(bytes: &[u8]) -> Option<String> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = bytes.get(zeros..).filter(|bytes| bytes.len() <= MOST_BYTES)?;
    // Groups of nine digits, the last first.
    let mut groups: Vec<u64> = vec![0];
    for byte in bytes {
        let mut carry = u64::from(*byte);
        for group in &mut groups {
            carry += *group << 8;
            *group = carry % 1_000_000_000;
            carry /= 1_000_000_000;
        }
        if carry > 0 {
            groups.push(carry);
        }
    }
    let mut text = groups.pop().unwrap_or(0).to_string();
    groups.iter().rev().for_each(|group| text.push_str(&format!("{group:09}")));
    Some(text)
}

/// The magnitude of a number in two's complement, big-endian, and whether it is negative.
pub(in crate::codec) fn magnitude(bytes: &[u8]) -> (Vec<u8>, bool) {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let mut magnitude = bytes.to_vec();
    if negative {
        magnitude.iter_mut().for_each(|byte| *byte = !*byte);
        add_one(&mut magnitude);
    }
    (magnitude, negative)
}

/// Adds one to a number by its bytes, big-endian.
pub(in crate::codec) fn add_one(bytes: &mut Vec<u8>) {
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return;
        }
    }
    bytes.insert(0, 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_written_out() {
        assert_eq!(digits(&[]).as_deref(), Some("0"));
        assert_eq!(digits(&[0, 0, 5]).as_deref(), Some("5"));
        for value in [1u128, 999_999_999, 1_000_000_000, u128::from(u64::MAX), u128::MAX] {
            assert_eq!(digits(&value.to_be_bytes()), Some(value.to_string()));
        }
        let mut two_to_128 = vec![1];
        two_to_128.extend([0; 16]);
        assert_eq!(digits(&two_to_128).as_deref(), Some("340282366920938463463374607431768211456"));
        assert_eq!(digits(&[1; MOST_BYTES + 1]), None);
    }

    #[test]
    fn a_sign_is_taken_off() {
        for value in [0i64, 1, -1, 127, -128, i64::MIN, i64::MAX] {
            let (magnitude, negative) = magnitude(&value.to_be_bytes());
            assert_eq!((digits(&magnitude), negative), (Some(value.unsigned_abs().to_string()), value < 0));
        }
        assert_eq!(magnitude(&[0x80]), (vec![0x80], true));
        let mut largest = vec![0xff, 0xff];
        add_one(&mut largest);
        assert_eq!(largest, [1, 0, 0]);
    }
}
