//! The system's certificate authorities are found where systems have them.
