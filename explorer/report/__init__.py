"""Reports: what a chart draws is computed in `data_*.py`, drawn in `draw_*.py`, put together in `*_page.py`.

    evaluation_page(source)  one network on one accelerator
    run_page(run)            what an exploration found: its front, its choices, its designs in full

Everything comes from the JSON that the commands print, read into typed records (`records.py`).
"""
