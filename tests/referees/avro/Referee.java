import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.io.DecoderFactory;

/** stdin: a JSON list of schemas, or of pairs [reader, writer]. stdout: a JSON list of true, false, or a fingerprint. */
public class Referee {
	static Schema parse(String text) {
		return new Schema.Parser().parse(text);
	}

	/** What the registries ask, and what a client does before the first record: it encodes the defaults that it will need. */
	static boolean canRead(String reader, String writer) throws Exception {
		Schema r = parse(reader), w = parse(writer);

		if (SchemaCompatibility.checkReaderWriterCompatibility(r, w).getType()
			!= SchemaCompatibility.SchemaCompatibilityType.COMPATIBLE)
			return false;
		DecoderFactory.get().resolvingDecoder(w, r, null);
		return true;
	}

	static void answer(JsonNode question, ArrayNode answers) {
		try {
			if (question.isArray())
				answers.add(canRead(question.get(0).asText(), question.get(1).asText()));
			else
				answers.add(String.format("%016x", SchemaNormalization.parsingFingerprint64(parse(question.asText()))));
		} catch (Throwable e) {
			answers.add(false);
			System.err.println(question + ": " + e);
		}
	}

	public static void main(String[] args) throws Exception {
		ObjectMapper mapper = new ObjectMapper();
		ArrayNode answers = mapper.createArrayNode();
		for (JsonNode question : mapper.readTree(System.in))
			answer(question, answers);
		System.out.println(mapper.writeValueAsString(answers));
	}
}
