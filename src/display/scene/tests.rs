//! Small scenes as pictures: `l`, `r`, `m` are left, right and middle of the person, `.` the dark edge, `=` the picture.

use super::*;
