"""What runs when Spillwatch is installed, and never later. The wheel does not hold this folder.

- `build_hook` is called by hatchling; `python -m setup` does the same work in a clone.
- `native_library` compiles the C files of matching/native.
- `table_files` writes the two files of tables: `fold_images` makes the images of the folds, and
  `digit_graphs`, `phone_automata` and `phone_rows` compile the numbering plans, in this order.
- The shell scripts make environments and install programs that the tests need.
"""
