"""Pictures of a spec: its graph, and its steps side by side, as SVG, PNG, text or Mermaid.

graph -> plan (what is drawn, repeats folded) -> layout -> scene (boxes, lines, texts) -> one of the writers
"""
