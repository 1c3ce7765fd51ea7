"""The programme is the school's own: it says nothing about people."""

from workshops.retention import AboutNobody

KEEPS = (
    AboutNobody(
        "workshops.School",
        "The school itself.",
        "id name does accreditation currency email bank_details learning_url legal_name address what_to_bring "
        "tax_number",
    ),
    AboutNobody("workshops.Module", "What is taught.", "id code numeral title delivery note days taught position"),
    AboutNobody(
        "workshops.Requirement",
        "What a module asks for.",
        "id module code kind needs_module needed within_years",
    ),
    AboutNobody("workshops.TrainingArea", "What is taught.", "id title position"),
    AboutNobody("workshops.Price", "What something costs.", "id item amount_cents currency effective_from"),
    AboutNobody("workshops.PolicyTerm", "The school's terms.", "id code value confirmed_at", by="confirmed_by"),
    AboutNobody("workshops.ConductText", "What everyone in the room agrees to.", "id version body published_at"),
    AboutNobody("workshops.ProgrammeRevision", "The name of the programme as it is now.", "id name"),
)
