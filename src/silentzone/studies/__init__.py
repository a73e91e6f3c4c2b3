"""The whole job: demo, run, resume. The only caller of measure, analysis and report together."""
