//! Checksums (CRC-32 as in zlib). They cover the stored bytes and their place, so a piece in the
//! wrong place is found like a damaged one.

use crc32fast::Hasher;

/// The checksum of a record: of its number, as eight bytes with the lowest first, and its bytes.
pub(crate) fn of_record(seq: u64, bytes: &[u8]) -> u32 {
    over(&[seq], bytes)
}

/// The checksum of the head of a log.
#[cfg(feature = "sqlite")]
pub(crate) fn of_numbers(numbers: &[u64]) -> u32 {
    over(numbers, &[])
}

/// The checksum of a snapshot that is saved as a whole, or of the list of its parts.
#[cfg(any(feature = "nats", feature = "sqlite"))]
pub(crate) fn of_snapshot(epoch: u64, seq: u64, bytes: &[u8]) -> u32 {
    over(&[epoch, seq], bytes)
}

/// The checksum of a part of a snapshot.
#[cfg(any(feature = "nats", feature = "sqlite"))]
pub(crate) fn of_bytes(bytes: &[u8]) -> u32 {
    over(&[], bytes)
}

fn over(numbers: &[u64], bytes: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    for number in numbers {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_part_of_the_format_and_stay() {
        // The check value of this CRC in the catalogues: "123456789" gives cbf43926.
        assert_eq!(of_record(u64::from_le_bytes(*b"12345678"), b"9"), 0xcbf4_3926);
        assert_ne!(of_record(1, b"a"), of_record(2, b"a"));
        assert_ne!(of_numbers(&[1, 2]), of_numbers(&[2, 1]));
        assert_ne!(of_snapshot(1, 1, b""), of_snapshot(2, 1, b""));
    }
}
