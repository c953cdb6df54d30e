"""The review page: six views of the predictions and their outcomes, by NiceGUI.

To add a view: write `async def build(board, viewer, asked)` in a module of its own, which makes
NiceGUI elements inside the frame that stands already, and name it in `views.VIEWS`. What it shows
at once comes from `board.snapshot`; what it reads itself, it reads with `asyncio.to_thread`,
off the event loop. To follow the cycles it subscribes to `board.changed`. Texts of others go into
labels and table rows, which escape them, and never into `figures.html`.
"""
