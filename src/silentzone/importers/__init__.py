"""Tables that other tools or people made -> our records; refused whole where a cell is wrong."""
