"""The rehearsal: a launch played against a shop by invented visitors, with things going wrong on purpose."""
