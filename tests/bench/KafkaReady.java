import java.io.FileInputStream;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.AdminClient;

/**
 * What Confluent's kafka-ready does (io.confluent.admin.utils.ClusterStatus.isKafkaReady in confluentinc/common-docker),
 * which is not on Maven Central: asks describeCluster() for the nodes until there are enough, a second between the tries,
 * whatever the failure was.
 *
 * java -cp 'KAFKA_JARS/*:.' KafkaReady SERVERS MIN_BROKERS TIMEOUT_MS [PROPERTIES_FILE]
 */
public final class KafkaReady {
    public static void main(String[] args) throws Exception {
        Properties config = new Properties();
        if (args.length > 3) {
            try (FileInputStream in = new FileInputStream(args[3])) {
                config.load(in);
            }
        }
        config.put("bootstrap.servers", args[0]);
        int least = Integer.parseInt(args[1]);
        long timeout = Long.parseLong(args[2]);
        System.exit(isReady(config, least, timeout) ? 0 : 1);
    }

    private static boolean isReady(Properties config, int least, long timeout) throws Exception {
        long begun = System.currentTimeMillis();
        long left = timeout;
        AdminClient admin = AdminClient.create(config);
        while (left > 0) {
            try {
                if (admin.describeCluster().nodes().get(left, TimeUnit.MILLISECONDS).size() >= least) {
                    return true;
                }
            } catch (Exception ignored) {
                // As there: every reason is swallowed until the time is up.
            }
            Thread.sleep(1000);
            left = timeout - (System.currentTimeMillis() - begun);
        }
        return false;
    }
}
