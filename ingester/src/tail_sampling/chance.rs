//! Lots: a hash of the trace's id decides, so that whoever asks gets the same answer. Hash, salt and
//! threshold are those of OpenTelemetry's tail sampling processor: the same traces are kept.

use model::TraceId;

/// Salt where none is configured.
pub(super) const DEFAULT_SALT: &str = "default-hash-seed";

/// Most cells that weights are worked out over.
const MOST_CELLS: usize = 256;

/// A lot that a trace draws.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lot {
    /// What is hashed before the id.
    pub(super) salt: String,
    /// The part of all traces that it hits, 0 to 1.
    pub(super) ratio: f64,
    /// Number of the salt: lots with one salt fall together.
    pub(super) axis: usize,
}

impl Lot {
    pub(super) fn hits(&self, id: TraceId) -> bool {
        hash(&self.salt, id.as_bytes()) <= threshold(self.ratio)
    }
}

/// The ratio as a part of all 64-bit numbers.
fn threshold(ratio: f64) -> u64 {
    // The conversion saturates: 1 is every number.
    (ratio * u64::MAX as f64) as u64
}

/// FNV-1a over 64 bits.
fn hash(salt: &str, id: &[u8]) -> u64 {
    let bytes = salt.bytes().chain(id.iter().copied());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// One way for all lots to fall, and how probable it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    /// By axis, where the interval ends that the hash lies in.
    ends: Vec<f64>,
    pub(super) volume: f64,
}

impl Cell {
    pub(super) fn hits(&self, lot: &Lot) -> bool {
        self.ends[lot.axis] <= lot.ratio
    }
}

/// All ways for the lots of some policies to fall.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chances(Vec<Cell>);

impl Chances {
    /// Of these lots, whose axes are numbered from zero on. Nothing if there are too many.
    pub(super) fn new(lots: &[Lot]) -> Option<Self> {
        let axes = lots.iter().map(|lot| lot.axis + 1).max().unwrap_or(0);
        let mut cells = vec![Cell {
            ends: Vec::new(),
            volume: 1.0,
        }];
        for axis in 0..axes {
            let of_axis = lots.iter().filter(|lot| lot.axis == axis);
            let mut ends: Vec<f64> = of_axis.map(|lot| lot.ratio).chain([1.0]).collect();
            ends.sort_by(f64::total_cmp);
            ends.dedup();
            if cells.len() * ends.len() > MOST_CELLS {
                return None;
            }
            let starts = std::iter::once(0.0).chain(ends.iter().copied());
            let intervals: Vec<(f64, f64)> = starts.zip(ends.iter().copied()).collect();
            let split = |cell: &Cell| {
                let cell = cell.clone();
                intervals.clone().into_iter().map(move |(start, end)| Cell {
                    ends: cell.ends.iter().copied().chain([end]).collect(),
                    volume: cell.volume * (end - start),
                })
            };
            cells = cells.iter().flat_map(split).collect();
        }
        Some(Self(cells))
    }

    pub(super) fn cells(&self) -> &[Cell] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lot(axis: usize, ratio: f64) -> Lot {
        Lot {
            salt: axis.to_string(),
            ratio,
            axis,
        }
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(hash("", b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("", b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash("foo", b"bar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_ratio_of_one_hits_everything_and_of_zero_next_to_nothing() {
        assert_eq!((threshold(1.0), threshold(0.0)), (u64::MAX, 0));
    }

    #[test]
    fn the_cells_of_all_lots_make_up_one() {
        let chances = Chances::new(&[lot(0, 0.1), lot(0, 0.5), lot(1, 0.25)]).expect("few");
        assert_eq!(chances.cells().len(), 6);
        let sum: f64 = chances.cells().iter().map(|cell| cell.volume).sum();
        assert!((sum - 1.0).abs() < 1e-12);
        let hit = |of: &Lot| -> f64 {
            let cells = chances.cells().iter();
            cells.filter(|cell| cell.hits(of)).map(|c| c.volume).sum()
        };
        assert!((hit(&lot(0, 0.5)) - 0.5).abs() < 1e-12);
        assert!((hit(&lot(1, 0.25)) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn too_many_lots_are_refused() {
        let lots: Vec<Lot> = (0..9).map(|axis| lot(axis, 0.5)).collect();
        assert_eq!(Chances::new(&lots), None);
    }
}
